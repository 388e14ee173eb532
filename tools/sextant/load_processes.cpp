// load_processes.cpp: Forking, the common start, records through files in memory.
#include "tools/sextant/load_processes.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <thread>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/metrics/statistics/merging.hpp"
#include "adapters/http/client.hpp"
#include "adapters/records/record_file.hpp"

namespace sextant {

namespace {

using namespace std::chrono_literals;

constexpr int64_t all_see_it_ns = 5'000'000; ///< from the last one's being ready to the start
constexpr const char* one_clock = "this host";

/// When the measured phase begins: when all are ready for it.
int64_t begin_together(shared_load& shared, int count, int64_t earliest_ns) {
  if (++shared.ready == count)
    shared.begin_ns = std::max(monotonic_ns() + all_see_it_ns, earliest_ns);
  while (shared.begin_ns == 0 && !shared.cancelled)
    std::this_thread::sleep_for(200us);
  return shared.begin_ns;
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

std::string read_all(int file) {
  std::string out(static_cast<size_t>(std::max<off_t>(0, lseek(file, 0, SEEK_END))), '\0');
  lseek(file, 0, SEEK_SET);
  size_t at = 0;
  while (at < out.size()) {
    const auto n = ::read(file, out.data() + at, out.size() - at);
    if (n <= 0)
      break;
    at += static_cast<size_t>(n);
  }
  out.resize(at);
  return out;
}

void set_error(part_figures& figures, const std::string& error) {
  const auto n = std::min(error.size(), figures.error.size() - 1);
  std::memcpy(figures.error.data(), error.data(), n);
  figures.error[n] = '\0';
}

/// Leaves the result where the parent finds it.
void hand_over(load::play_result played, part_figures& figures, int file) {
  figures.health = played.health;
  figures.began_ns = played.began_ns;
  figures.began_unix_ns = played.began_unix_ns;
  figures.profiling_began_ns = played.profiling_began_ns;
  figures.profiling_ended_ns = played.profiling_ended_ns;
  figures.never_started = played.never_started;
  figures.was_cancelled = played.was_cancelled;
  set_error(figures, played.error);
  load_records records;
  records.facts.remarks = std::move(played.health.reasons);
  records.requests = std::move(played.requests);
  records.warming = std::move(played.warmup);
  bool written = true;
  write_record_file(records, [&](std::string_view bytes) { written = written && write_all(file, bytes); });
  if (!written)
    set_error(figures, "the records of a load process do not fit into memory");
}

std::string end_of(int status) {
  if (WIFSIGNALED(status))
    return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

} // namespace

std::shared_ptr<shared_load> make_shared_load() {
  void* memory = mmap(nullptr, sizeof(shared_load), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    throw std::bad_alloc{};
  return {new (memory) shared_load, [](shared_load* shared) { munmap(shared, sizeof(shared_load)); }};
}

load_processes::load_processes(int count, shared_load& shared, int64_t earliest_ns, const part_player& play)
    : shared_(shared) {
  fflush(nullptr); // nothing is to be printed twice
  const pid_t parent = getpid();
  for (int i = 0; i < count; ++i) {
    child c;
    c.file = memfd_create("records", MFD_CLOEXEC);
    c.pid = c.file >= 0 ? fork() : -1;
    if (c.pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent)
        _exit(1);
      hand_over(play(i,
                     [&](load::traffic_phase phase) {
                       return phase == load::traffic_phase::warmup ? 0 : begin_together(shared, count, earliest_ns);
                     }),
                shared.parts[static_cast<size_t>(i)], c.file);
      _exit(0);
    }
    if (c.pid < 0) {
      set_error(shared.parts[static_cast<size_t>(i)],
                std::string{"a load process cannot be started: "} + std::strerror(errno));
      shared.cancelled = true;
    }
    children_.push_back(c);
  }
}

load_processes::~load_processes() {
  for (auto& c : children_) {
    if (c.pid > 0) {
      kill(c.pid, SIGKILL);
      waitpid(c.pid, nullptr, 0);
    }
    if (c.file >= 0)
      close(c.file);
  }
}

void load_processes::reap(size_t part, std::string& error) {
  auto& c = children_[part];
  int status = 0;
  if (c.pid < 0 || waitpid(c.pid, &status, WNOHANG) != c.pid)
    return;
  c.pid = -1;
  if (status == 0)
    return;
  shared_.cancelled = true;
  if (error.empty())
    error = "load process " + std::to_string(part + 1) + " ended with " + end_of(status) + ": there is no result";
}

load::play_result load_processes::result_of(size_t part, std::string& error) const {
  const auto& figures = shared_.parts[part];
  load::play_result out;
  out.error = figures.error.data();
  out.began_ns = figures.began_ns;
  out.began_unix_ns = figures.began_unix_ns;
  out.profiling_began_ns = figures.profiling_began_ns;
  out.profiling_ended_ns = figures.profiling_ended_ns;
  out.never_started = figures.never_started;
  out.was_cancelled = figures.was_cancelled;
  static_cast<load::health_figures&>(out.health) = figures.health;
  auto records = out.error.empty() ? read_record_file(read_all(children_[part].file), error) : std::nullopt;
  if (!records)
    return out;
  out.health.reasons = std::move(records->facts.remarks);
  out.requests = std::move(records->requests);
  out.warmup = std::move(records->warming);
  return out;
}

load::play_result load_processes::wait() {
  load::play_result all;
  while (std::any_of(children_.begin(), children_.end(), [](const auto& c) { return c.pid > 0; })) {
    for (size_t i = 0; i < children_.size(); ++i)
      reap(i, all.error);
    std::this_thread::sleep_for(2ms);
  }
  std::vector<load::load_health> healths;
  std::vector<load_records> parts;
  int64_t measured_from = 0, measured_to = 0;
  for (size_t i = 0; i < children_.size() && all.error.empty(); ++i) {
    auto one = result_of(i, all.error);
    if (!one.error.empty())
      all.error = one.error;
    healths.push_back(one.health);
    all.never_started += one.never_started;
    all.was_cancelled = all.was_cancelled || one.was_cancelled;
    const int64_t from = one.began_ns + one.profiling_began_ns;
    measured_from = measured_from == 0 ? from : std::min(measured_from, from);
    measured_to = std::max(measured_to, one.began_ns + one.profiling_ended_ns);
    load_records part;
    part.facts.clock_host = one_clock;
    part.facts.started_monotonic_ns = one.began_ns;
    part.facts.started_unix_ns = one.began_unix_ns;
    part.requests = std::move(one.requests);
    part.warming = std::move(one.warmup);
    parts.push_back(std::move(part));
  }
  if (!all.error.empty())
    return all;
  auto merged = statistics::merge_records(std::move(parts), all.error);
  all.began_ns = merged.facts.started_monotonic_ns;
  all.began_unix_ns = merged.facts.started_unix_ns;
  all.profiling_began_ns = measured_from - all.began_ns;
  all.profiling_ended_ns = measured_to - all.began_ns;
  all.health = load::health_of_all(healths);
  all.requests = std::move(merged.requests);
  all.warmup = std::move(merged.warming);
  for (auto* records : {&all.requests, &all.warmup})
    std::sort(records->begin(), records->end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  return all;
}

} // namespace sextant
