// tls.cpp: OpenSSL with memory BIOs, so that reading stays with recvmsg and keeps its stamps.
#include "adapters/http/tls.hpp"

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace sextant::http {

namespace {

struct context_delete {
  void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
};
struct session_delete {
  void operator()(SSL* s) const { SSL_free(s); }
};

std::string last_error() {
  char text[256];
  const auto code = ERR_get_error();
  if (code == 0)
    return "TLS failed";
  ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

bool is_address(const std::string& host) {
  unsigned char binary[16];
  return inet_pton(AF_INET, host.c_str(), binary) == 1 || inet_pton(AF_INET6, host.c_str(), binary) == 1;
}

class openssl_session final : public tls_session {
public:
  openssl_session(SSL_CTX* context, const std::string& host, bool verify)
      : ssl_(SSL_new(context)), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
    SSL_set_bio(ssl_.get(), in_, out_); // belong to it from here on
    SSL_set_connect_state(ssl_.get());
    if (is_address(host)) {
      if (verify)
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
    } else {
      SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
      if (verify)
        SSL_set1_host(ssl_.get(), host.c_str());
    }
    shake();
  }

  bool receive(std::string_view bytes, std::string& plain) override {
    BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    if (!done_ && !shake())
      return false;
    char part[16 * 1024];
    while (done_) {
      const int n = SSL_read(ssl_.get(), part, sizeof part);
      if (n > 0) {
        plain.append(part, static_cast<size_t>(n));
        continue;
      }
      const int why = SSL_get_error(ssl_.get(), n);
      collect();
      if (why == SSL_ERROR_ZERO_RETURN)
        closed_ = true;
      else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        return fail();
      break;
    }
    return true;
  }

  void send(std::string_view plain) override {
    size_t done = 0;
    while (done < plain.size()) {
      size_t n = 0;
      if (SSL_write_ex(ssl_.get(), plain.data() + done, plain.size() - done, &n) != 1)
        break;
      done += n;
    }
    collect();
  }

  std::string& outgoing() override { return outgoing_; }
  bool handshake_done() const override { return done_; }
  bool peer_closed() const override { return closed_; }
  const std::string& error() const override { return error_; }

private:
  bool shake() {
    const int n = SSL_do_handshake(ssl_.get());
    const int why = n == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), n);
    collect();
    done_ = n == 1;
    return done_ || why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? true : fail();
  }

  bool fail() {
    const auto verdict = SSL_get_verify_result(ssl_.get());
    error_ =
        verdict != X509_V_OK ? std::string{"certificate refused: "} + X509_verify_cert_error_string(verdict) : last_error();
    ERR_clear_error();
    return false;
  }

  void collect() {
    char part[16 * 1024];
    for (int n; (n = BIO_read(out_, part, sizeof part)) > 0;)
      outgoing_.append(part, static_cast<size_t>(n));
  }

  std::unique_ptr<SSL, session_delete> ssl_;
  BIO* in_;
  BIO* out_;
  std::string outgoing_;
  std::string error_;
  bool done_ = false;
  bool closed_ = false;
};

class openssl_context final : public tls_context {
public:
  openssl_context(SSL_CTX* context, bool verify) : context_(context), verify_(verify) {}
  std::unique_ptr<tls_session> connect(const std::string& host) override {
    return std::make_unique<openssl_session>(context_.get(), host, verify_);
  }

private:
  std::unique_ptr<SSL_CTX, context_delete> context_;
  bool verify_;
};

using memory_bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using certificate = std::unique_ptr<X509, decltype(&X509_free)>;

memory_bio reader_of(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free};
}

/// The next certificate of a PEM text, or nothing at its end.
certificate next_certificate(BIO* bio) {
  certificate found{PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), &X509_free};
  if (!found)
    ERR_clear_error();
  return found;
}

std::string add_authorities(SSL_CTX* context, const http_client_settings& settings) {
  if (!settings.ca_pem.empty()) {
    const auto bio = reader_of(settings.ca_pem);
    int count = 0;
    while (const auto authority = next_certificate(bio.get())) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get());
      ++count;
    }
    return count > 0 ? "" : "the certificate authorities hold no PEM certificate";
  }
  const auto& file = settings.ca_file;
  const bool loaded = file.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                                   : SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) == 1;
  if (loaded || (!settings.verify && file.empty()))
    return {};
  return (file.empty() ? std::string{"the system's certificate authorities"} : file) + ": " + last_error();
}

std::string add_own_certificate(SSL_CTX* context, const http_client_settings& settings) {
  const auto bio = reader_of(settings.certificate_pem);
  const auto own = next_certificate(bio.get());
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1)
    return "the client certificate is not PEM: " + last_error();
  while (auto link = next_certificate(bio.get()))
    if (SSL_CTX_add0_chain_cert(context, link.get()) == 1)
      link.release(); // it belongs to the context from here on
  const auto key_bio = reader_of(settings.key_pem);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{
      PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free};
  if (!key)
    return "the key of the client certificate is not PEM: " + last_error();
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return "the key does not belong to the client certificate: " + last_error();
  return {};
}

} // namespace

std::shared_ptr<tls_context> make_tls_context(const http_client_settings& settings, std::string& error) {
  std::unique_ptr<SSL_CTX, context_delete> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS); // thousands of idle connections
  error = add_authorities(context.get(), settings);
  if (error.empty() && !settings.certificate_pem.empty())
    error = add_own_certificate(context.get(), settings);
  if (!error.empty())
    return nullptr;
  return std::make_shared<openssl_context>(context.release(), settings.verify);
}

} // namespace sextant::http

namespace sextant {

std::string tls_settings_error(const http_client_settings& settings) {
  std::string error;
  http::make_tls_context(settings, error);
  return error;
}

} // namespace sextant
