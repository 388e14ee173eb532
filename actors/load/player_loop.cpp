// player_loop.cpp: The turns of one load loop.
#include "actors/load/player_loop.hpp"

#include <algorithm>

#include <sys/prctl.h>
#include <sys/resource.h>

namespace sextant::load {

namespace {

constexpr int64_t spin_ns = 150'000;            ///< sleeping is late by 50 to 100 us (load-generation reference 4.3)
constexpr int64_t longest_wait_ns = 10'000'000; ///< flags are looked at this often
constexpr int64_t second_ns = 1'000'000'000;
constexpr int sends_in_a_turn = 32; ///< then arrivals are looked at again

double thread_cpu_s(const rusage& u) {
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec)
         + static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

http_client_settings client_settings(const endpoint_set& endpoints, const play_settings& settings) {
  http_client_settings s;
  s.connect_timeout_ns = settings.connect_timeout_ns;
  s.request_timeout_ns = settings.request_timeout_ns;
  s.stall_timeout_ns = settings.stall_timeout_ns;
  s.keep_connections = endpoints.reuse != connection_reuse::never;
  s.kept_body_bytes = 16 * 1024 * 1024;
  s.ca_file = endpoints.ca_file;
  s.verify = endpoints.verify;
  s.cancelled = settings.cancelled;
  return s;
}

void move_times(request_record& r, int64_t origin_ns) {
  for (auto* t :
       {&r.sent_ns, &r.tx_ns, &r.first_byte_ns, &r.first_event_ns, &r.first_answer_ns, &r.last_event_ns, &r.ended_ns})
    if (*t != 0)
      *t -= origin_ns;
  for (auto& t : r.token_ns)
    t -= origin_ns;
}

} // namespace

load_loop::load_loop(const traffic_schedule& schedule, const std::vector<http_url>& urls, const endpoint_set& endpoints,
                     const play_settings& settings, text_store& texts, int64_t origin_ns, int loop, int loops)
    : schedule_(schedule), settings_(settings), endpoints_(endpoints), texts_(texts), origin_ns_(origin_ns), loop_(loop),
      loops_(loops), urls_(urls.size()), client_(make_http_client(urls, *this, client_settings(endpoints, settings))) {
}

void load_loop::connect_ahead(size_t count) {
  for (uint32_t u = 0; u < urls_; ++u)
    client_->connect_ahead(count / urls_ + (u < count % urls_), u);
}

// -- one phase ----------------------------------------------------------------------------------------

void load_loop::run(const phase_work& work) {
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); // of this thread: the default adds 50 us to every sleep
  rusage before{}, after{};
  getrusage(RUSAGE_THREAD, &before);
  work_ = work;
  queue_.emplace(*work.plan, work.limits, loop_, loops_);
  health_ = {};
  health_.began_ns = second_began_ns_ = monotonic_ns();
  second_idle_ns_ = 0;
  const int64_t waited_before = client_->counters().waited_ns;
  while (turn()) {
  }
  health_.ended_ns = monotonic_ns();
  health_.idle_ns += client_->counters().waited_ns - waited_before;
  getrusage(RUSAGE_THREAD, &after);
  health_.cpu_s = thread_cpu_s(after) - thread_cpu_s(before);
  health_.involuntary_switches = static_cast<uint64_t>(after.ru_nivcsw - before.ru_nivcsw);
  report();
}

/// One turn; false when the phase is over.
bool load_loop::turn() {
  if (settings_.cancelled && *settings_.cancelled) {
    client_->cancel_all();
    return false;
  }
  if (settings_.stop_sending && *settings_.stop_sending && work_.phase == traffic_phase::profiling)
    queue_->stop();
  send_due();
  const int64_t now = monotonic_ns();
  const int64_t end = work_.limits.ends_ns;
  if (end > 0 && work_.grace_ns >= 0 && since_begin(now) >= end + work_.grace_ns) {
    client_->cancel_all();
    return false;
  }
  if (client_->active() == 0 && queue_->exhausted(since_begin(now)))
    return false;
  cancel_due(now);
  wait_for_more();
  look_at_the_clock(monotonic_ns());
  return true;
}

void load_loop::send_due() {
  for (int i = 0; i < sends_in_a_turn; ++i) {
    const auto due = queue_->next(since_begin(monotonic_ns()));
    if (!due)
      return;
    start(*due);
  }
}

void load_loop::start(const due_request& due) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(open_.size()));
    open_.emplace_back();
    starts_.push_back(0);
  }
  const auto slot = free_.back();
  free_.pop_back();
  ++starts_[slot];
  const auto& planned = schedule_.requests[due.position];
  static const std::vector<std::string> no_answers;
  const auto said = planned.turn > 0 ? answers_.find(planned.session) : answers_.end();
  auto text = texts_.take(due.position, said != answers_.end() ? said->second : no_answers);
  auto& r = open_[slot];
  r = {};
  r.in_use = true;
  r.text = std::move(text);
  r.position = due.position;
  r.waited = due.waited;
  r.timed = planned.intended_ns >= 0;
  r.cancel_after_ns = planned.cancel_after_ns;
  auto& record = r.reader.record;
  record.index = planned.index;
  record.session = planned.session;
  record.turn = planned.turn;
  record.url = static_cast<uint16_t>(texts_.url_of(due.position));
  record.intended_ns = work_.begin_ns + due.intended_ns - origin_ns_;
  if (planned.turn == 0) // later turns bring their history along, whose length nobody planned
    record.planned_isl = static_cast<uint32_t>(planned.isl + planned.prefix_tokens);
  record.planned_osl = static_cast<uint32_t>(std::max(0, planned.osl));
  if (planned.osl > 0)
    record.token_ns.reserve(static_cast<size_t>(std::min(planned.osl, 4096)));
  ++sent_;
  ++waiting_change_;
  record.queued_ns = monotonic_ns() - origin_ns_;
  http_start_options options;
  options.target = record.url;
  if (endpoints_.reuse == connection_reuse::sticky)
    options.sticky = uint64_t{planned.session} + 1;
  client_->start(slot, r.text, options);
}

/// Sleeps until something comes or is due, and waits for the last stretch before a time of the plan actively.
void load_loop::wait_for_more() {
  const int64_t now = monotonic_ns();
  int64_t due = queue_->next_time(since_begin(now));
  due = due == dispatch_queue::never_ns ? due : due + work_.begin_ns;
  int64_t until = due;
  if (!cancels_.empty())
    until = std::min(until, cancels_.top().at_ns);
  const int64_t left = until == dispatch_queue::never_ns ? longest_wait_ns : until - now;
  if (left <= 0)
    return client_->poll(0, now);
  if (texts_.make_ahead(left))
    return client_->poll(0, until);
  if (!settings_.spin || left > spin_ns)
    return client_->poll(std::min(longest_wait_ns, settings_.spin ? left - spin_ns : left), until);
  const auto handled = client_->handled();
  client_->poll(0, until);
  if (client_->handled() == handled)
    health_.idle_ns += monotonic_ns() - now;
}

void load_loop::cancel_due(int64_t now_ns) {
  while (!cancels_.empty() && cancels_.top().at_ns <= now_ns) {
    const auto c = cancels_.top();
    cancels_.pop();
    if (starts_[c.slot] != c.start || !open_[c.slot].in_use)
      continue;
    open_[c.slot].cancelled_by_plan = true;
    client_->cancel(c.slot);
  }
}

// -- what the client tells ----------------------------------------------------------------------------

void load_loop::on_written(uint64_t tag, int64_t written_ns) {
  if (const auto& r = open_[tag]; r.cancel_after_ns >= 0)
    cancels_.push({written_ns + r.cancel_after_ns, static_cast<uint32_t>(tag), starts_[tag]});
}

void load_loop::first_output() {
  --waiting_change_;
  queue_->output_began();
}

void load_loop::on_event(uint64_t tag, const sse_event& event, const http_arrival& arrival) {
  auto& r = open_[tag];
  const bool first = !r.reader.has_output();
  const int64_t lag = arrival.seen_ns - arrival.at_ns;
  health_.stamp_lag.add(lag);
  largest_stamp_lag_ns_ = std::max(largest_stamp_lag_ns_, lag);
  ++health_.events;
  if (!r.reader.take(event, arrival, settings_.keep_answers))
    return;
  ++events_;
  if (first)
    first_output();
}

void load_loop::on_end(uint64_t tag, http_outcome outcome) {
  auto& r = open_[tag];
  const bool had_output = r.reader.has_output();
  const auto& planned = schedule_.requests[r.position];
  if (r.cancelled_by_plan && outcome.end == http_end::cancelled)
    outcome.detail = "cancelled by the plan";
  r.reader.finish(outcome, settings_.keep_answers, settings_.check_lengths ? planned.osl : 0);
  if (!had_output)
    first_output();
  keep(r);
  end_session_turn(r);
  r.in_use = false;
  free_.push_back(static_cast<uint32_t>(tag));
}

void load_loop::keep(open_request& r) {
  auto& record = r.reader.record;
  ++finished_;
  failed_ += record.fault != request_fault_class::none;
  input_ += record.input_tokens;
  output_ += r.reader.output_tokens();
  if (!record.error.empty())
    texts_.hide_secrets(record.error);
  if (record.sent_ns != record.queued_ns)
    move_times(record, origin_ns_);
  else // never written
    record.ended_ns -= origin_ns_;
  note_delays(r);
  if (settings_.on_record)
    settings_.on_record(record, work_.phase);
  records_.push_back(std::move(record));
}

void load_loop::note_delays(const open_request& r) {
  const auto& record = r.reader.record;
  health_.output_events += record.token_ns.size();
  for (const auto q : record.event_quality) {
    health_.user_stamped += (q & arrival_user) != 0;
    health_.coalesced += (q & arrival_coalesced) != 0;
  }
  if (record.connect_ns > 0)
    health_.connect.add(record.connect_ns);
  if (!r.timed || record.bytes_sent == 0)
    return;
  // Connecting is the network's time, not the client's; a wait for a slot is the plan's limit.
  const int64_t lag = std::max<int64_t>(0, (record.connect_ns > 0 ? record.queued_ns : record.sent_ns) - record.intended_ns);
  (r.waited ? health_.slot_wait : health_.send_lag).add(lag);
  if (!r.waited)
    largest_send_lag_ns_ = std::max(largest_send_lag_ns_, lag);
}

void load_loop::end_session_turn(const open_request& r) {
  queue_->ended(r.position, since_begin(monotonic_ns()));
  if (work_.plan->turn_after(r.position) != phase_plan::none) {
    if (settings_.keep_answers)
      answers_[schedule_.requests[r.position].session].push_back(r.reader.text());
    return;
  }
  const auto session = schedule_.requests[r.position].session;
  answers_.erase(session);
  if (endpoints_.reuse == connection_reuse::sticky)
    client_->release(uint64_t{session} + 1);
}

// -- what others see ----------------------------------------------------------------------------------

void load_loop::look_at_the_clock(int64_t now_ns) {
  if (now_ns - second_began_ns_ < second_ns / 10)
    return;
  report();
  if (now_ns - second_began_ns_ < second_ns)
    return;
  const int64_t idle = health_.idle_ns + client_->waited_ns();
  const double busy = 1 - static_cast<double>(idle - second_idle_ns_) / static_cast<double>(now_ns - second_began_ns_);
  if (second_idle_ns_ > 0 || idle == 0)
    health_.busiest_second = std::max(health_.busiest_second, busy);
  second_idle_ns_ = idle;
  second_began_ns_ = now_ns;
  if (auto* p = settings_.progress) {
    p->busy_ppm = static_cast<int64_t>(busy * 1e6);
    p->send_lag_ns = largest_send_lag_ns_;
    p->stamp_lag_ns = largest_stamp_lag_ns_;
  }
  largest_send_lag_ns_ = largest_stamp_lag_ns_ = 0;
}

void load_loop::report() {
  if (auto* p = settings_.progress) {
    p->sent += sent_;
    p->finished += finished_;
    p->failed += failed_;
    p->output_events += events_;
    p->input_tokens += input_;
    p->output_tokens += output_;
    p->in_flight += static_cast<int64_t>(sent_) - static_cast<int64_t>(finished_);
    p->waiting_for_first += waiting_change_;
  }
  sent_ = finished_ = failed_ = events_ = input_ = output_ = 0;
  waiting_change_ = 0;
}

} // namespace sextant::load
