// nats_link.cpp: nats.c behind a small class.
#include "adapters/nats/nats_link.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

#include <nats/nats.h>

namespace sextant {

namespace {

using handler_ptr = std::shared_ptr<nats_link::handler>;

bus_message converted(natsMsg* in) {
  bus_message out;
  out.subject = natsMsg_GetSubject(in);
  if (const char* reply = natsMsg_GetReply(in))
    out.reply = reply;
  out.body.assign(natsMsg_GetData(in), static_cast<size_t>(natsMsg_GetDataLength(in)));
  const char** keys = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(in, &keys, &count) == NATS_OK) {
    for (int i = 0; i < count; ++i) {
      const char* value = nullptr;
      if (natsMsgHeader_Get(in, keys[i], &value) == NATS_OK && value)
        out.headers[keys[i]] = value;
    }
    free(keys);
  }
  return out;
}

void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  (**static_cast<handler_ptr*>(closure))(converted(message));
  natsMsg_Destroy(message);
}

void on_complete(void* closure) {
  delete static_cast<handler_ptr*>(closure);
}

/// Header values are one line each.
std::string one_line(std::string text) {
  for (auto& c : text)
    if (c == '\r' || c == '\n')
      c = ' ';
  return text;
}

bool valid_header_name(const std::string& name) {
  for (unsigned char c : name)
    if (c <= ' ' || c >= 127 || c == ':')
      return false;
  return !name.empty();
}

struct options_guard {
  natsOptions* value = nullptr;
  ~options_guard() { natsOptions_Destroy(value); }
};

} // namespace

link_subscription::~link_subscription() {
  natsSubscription_Destroy(handle_);
}

void link_subscription::drain() {
  natsSubscription_DrainTimeout(handle_, 2000);
}

/// Callbacks of one connection; outlives the last of them.
struct nats_link::life {
  link_events events;
  std::mutex mutex;
  std::condition_variable changed;
  bool closed = false;

  static void on_disconnected(natsConnection*, void* closure) {
    if (auto& f = static_cast<life*>(closure)->events.disconnected)
      f();
  }
  static void on_reconnected(natsConnection*, void* closure) {
    if (auto& f = static_cast<life*>(closure)->events.reconnected)
      f();
  }
  static void on_error(natsConnection* connection, natsSubscription*, natsStatus status, void* closure) {
    const char* detail = nullptr;
    natsConnection_GetLastError(connection, &detail); // says which subject was forbidden
    if (auto& f = static_cast<life*>(closure)->events.trouble)
      f(status == NATS_NOT_PERMITTED && detail && *detail ? detail : natsStatus_GetText(status));
  }
  static void on_closed(natsConnection*, void* closure) {
    auto* self = static_cast<life*>(closure);
    if (auto& f = self->events.closed)
      f();
    // Under the lock: the owner frees this object as soon as it sees `closed`.
    std::lock_guard lock{self->mutex};
    self->closed = true;
    self->changed.notify_all();
  }
};

namespace {

natsStatus set_security(natsOptions* options, const nats_settings& settings) {
  auto s = NATS_OK;
  if (!settings.ca_file.empty() || !settings.certificate_file.empty() || settings.url.find("tls://") != std::string::npos)
    s = natsOptions_SetSecure(options, true);
  if (s == NATS_OK && !settings.ca_file.empty())
    s = natsOptions_LoadCATrustedCertificates(options, settings.ca_file.c_str());
  if (s == NATS_OK && !settings.certificate_file.empty())
    s = natsOptions_LoadCertificatesChain(options, settings.certificate_file.c_str(), settings.key_file.c_str());
  if (s == NATS_OK && !settings.token.empty())
    s = natsOptions_SetToken(options, settings.token.c_str());
  if (s == NATS_OK && !settings.user.empty())
    s = natsOptions_SetUserInfo(options, settings.user.c_str(), settings.password.c_str());
  if (s == NATS_OK && !settings.credentials_file.empty())
    s = natsOptions_SetUserCredentialsFromFiles(options, settings.credentials_file.c_str(), nullptr);
  return s;
}

/// All servers of a list separated by commas; the library takes only one in a URL.
natsStatus set_servers(natsOptions* options, const std::string& urls) {
  std::vector<std::string> each;
  for (size_t begin = 0; begin <= urls.size();) {
    const auto end = std::min(urls.find(',', begin), urls.size());
    each.push_back(urls.substr(begin, end - begin));
    begin = end + 1;
  }
  std::vector<const char*> texts;
  for (const auto& url : each)
    texts.push_back(url.c_str());
  return natsOptions_SetServers(options, texts.data(), static_cast<int>(texts.size()));
}

void set_behaviour(natsOptions* options, bool reconnects) {
  natsOptions_SetAllowReconnect(options, reconnects);
  natsOptions_SetMaxReconnect(options, reconnects ? -1 : 0);
  natsOptions_SetReconnectWait(options, 50);
  natsOptions_SetReconnectJitter(options, 50, 50);
  natsOptions_SetTimeout(options, 2000);
  natsOptions_SetPingInterval(options, 5000);
  natsOptions_SetMaxPingsOut(options, 2);
  natsOptions_SetWriteDeadline(options, 5000);
  natsOptions_SetMaxPendingMsgs(options, 1'000'000);
  natsOptions_SetSendAsap(options, true);              // the default flusher adds a millisecond to every answer
  natsOptions_UseGlobalMessageDelivery(options, true); // no thread per subscription
}

} // namespace

std::unique_ptr<nats_link> nats_link::connect(const nats_settings& settings, bool reconnects, link_events events,
                                              std::string& error) {
  options_guard options;
  auto s = natsOptions_Create(&options.value);
  if (s == NATS_OK)
    s = set_servers(options.value, settings.url);
  if (s == NATS_OK)
    s = natsOptions_SetName(options.value, settings.name.c_str());
  if (s == NATS_OK)
    s = set_security(options.value, settings);
  auto events_life = std::make_shared<life>();
  events_life->events = std::move(events);
  natsConnection* connection = nullptr;
  if (s == NATS_OK) {
    set_behaviour(options.value, reconnects);
    natsOptions_SetDisconnectedCB(options.value, life::on_disconnected, events_life.get());
    natsOptions_SetReconnectedCB(options.value, life::on_reconnected, events_life.get());
    natsOptions_SetClosedCB(options.value, life::on_closed, events_life.get());
    natsOptions_SetErrorHandler(options.value, life::on_error, events_life.get());
    s = natsConnection_Connect(&connection, options.value);
  }
  if (s != NATS_OK) {
    error = natsStatus_GetText(s);
    // The client's own text says more where it is not the same once more behind the place in its source.
    const char* detail = nats_GetLastError(nullptr);
    if (detail && std::string_view{detail}.find(error) == std::string_view::npos)
      error += std::string{": "} + detail;
    return nullptr;
  }
  return std::unique_ptr<nats_link>{new nats_link{connection, std::move(events_life)}};
}

nats_link::nats_link(__natsConnection* connection, std::shared_ptr<life> events)
    : connection_(connection), life_(std::move(events)) {
  // nop
}

nats_link::~nats_link() {
  natsConnection_Close(connection_);
  std::unique_lock lock{life_->mutex};
  const bool closed = life_->changed.wait_for(lock, std::chrono::seconds{5}, [this] { return life_->closed; });
  lock.unlock();
  natsConnection_Destroy(connection_);
  if (!closed)
    new std::shared_ptr<life>{life_}; // a callback may still come: better lost than used after its end
}

sending nats_link::publish(const std::string& subject, const std::string& reply, const std::string& body,
                           const std::map<std::string, std::string>& headers) {
  natsMsg* message = nullptr;
  auto s = natsMsg_Create(&message, subject.c_str(), reply.empty() ? nullptr : reply.c_str(), body.data(),
                          static_cast<int>(body.size()));
  for (auto i = headers.begin(); s == NATS_OK && i != headers.end(); ++i)
    if (valid_header_name(i->first))
      s = natsMsgHeader_Set(message, i->first.c_str(), one_line(i->second).c_str());
  if (s == NATS_OK)
    s = natsConnection_PublishMsg(connection_, message);
  natsMsg_Destroy(message);
  switch (s) {
    case NATS_OK:
      return sending::sent;
    case NATS_MAX_PAYLOAD:
    case NATS_INVALID_ARG:
    case NATS_INVALID_SUBJECT:
    case NATS_NO_SERVER_SUPPORT:
      return sending::refused;
    default:
      return sending::disconnected;
  }
}

std::unique_ptr<link_subscription> nats_link::subscribe(const std::string& pattern, const std::string& group,
                                                        handler handle) {
  auto* closure = new handler_ptr{std::make_shared<handler>(std::move(handle))};
  natsSubscription* out = nullptr;
  const auto s = group.empty()
                     ? natsConnection_Subscribe(&out, connection_, pattern.c_str(), on_message, closure)
                     : natsConnection_QueueSubscribe(&out, connection_, pattern.c_str(), group.c_str(), on_message, closure);
  if (s != NATS_OK) {
    delete closure;
    return nullptr;
  }
  natsSubscription_SetOnCompleteCB(out, on_complete, closure);
  natsSubscription_SetPendingLimits(out, -1, -1);
  return std::make_unique<link_subscription>(out);
}

bool nats_link::flush(std::chrono::milliseconds timeout) {
  return connected() && natsConnection_FlushTimeout(connection_, std::max<int64_t>(1, timeout.count())) == NATS_OK;
}

bool nats_link::connected() const {
  return natsConnection_Status(connection_) == NATS_CONN_STATUS_CONNECTED;
}

size_t nats_link::max_payload() const {
  return static_cast<size_t>(natsConnection_GetMaxPayload(connection_));
}

std::string nats_link::new_inbox() {
  natsInbox* raw = nullptr;
  if (natsInbox_Create(&raw) != NATS_OK)
    return {};
  std::string out{raw};
  natsInbox_Destroy(raw);
  return out;
}

} // namespace sextant
