#include "tools/sextant/running_status.hpp"

#include <spdlog/spdlog.h>

#include "actors/artifacts/files.hpp"
#include "actors/artifacts/status.hpp"
#include "actors/artifacts/writer.hpp"

namespace sextant {

namespace {

constexpr double quiet_s = 2;
constexpr const char* first_stage = "Initializing";

std::string progress_message(const progress& p) {
  if (p.points_planned <= 0)
    return p.text;
  return std::to_string(p.points_done) + " of " + std::to_string(p.points_planned) + " points, "
         + std::to_string(p.engines_running) + " engines running";
}

} // namespace

/// Hands everything on.
class relaying_console final : public console {
public:
  relaying_console(running_status& status, std::unique_ptr<console> view) : status_{status}, view_{std::move(view)} {}

  void show(const envelope& event) override {
    status_.note(event);
    view_->show(event);
  }
  void refresh() override { view_->refresh(); }
  void done() override { view_->done(); }

private:
  running_status& status_;
  std::unique_ptr<console> view_;
};

bool worth_telling(const progress& told, const progress& event, double seconds_since) {
  if (event.stage.empty() || event.stage == "Done") // the writer of the results says that
    return false;
  return event.stage != told.stage || (event.points_done != told.points_done && seconds_since >= quiet_s);
}

running_status::running_status(std::string directory)
    : directory_{std::move(directory)}, path_{directory_ + "/profiler_status.yaml"} {
  before_ = now();
  told_.stage = first_stage;
  tell("running", "Profiler job started", "", false);
}

std::unique_ptr<console> running_status::relayed(std::unique_ptr<console> view) {
  return std::make_unique<relaying_console>(*this, std::move(view));
}

void running_status::ended(const profile_request& request, const watch_end& end) {
  if (end.exit == exit_interrupted)
    return;
  if (!end.result) {
    if (end.exit != exit_ok)
      tell("failed", "Profiler failed", failure_.empty() ? "see profile_sla.log" : failure_, false);
    return;
  }
  if (now() != running_) // the results were written by this process
    return;
  if (before_.find("status: success") != std::string::npos)
    put(write_file(path_, before_));
  else
    tell("success", outcome_message(request, *end.result), "", true);
}

void running_status::note(const envelope& event) {
  if (auto failed = message_as<profile_failed>(event))
    failure_ = std::string{to_text(failed->error.cause)} + " " + failed->error.detail;
  auto happening = message_as<progress>(event);
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - told_at_;
  if (!happening || !worth_telling(told_, *happening, since.count()) || now() != running_)
    return;
  told_ = std::move(*happening);
  tell("running", progress_message(told_), "", false);
}

std::string running_status::now() const {
  std::string missing; // of a new directory
  return read_file(path_, missing);
}

void running_status::put(const std::string& error_of_writing) const {
  if (!error_of_writing.empty())
    spdlog::error("status-not-written: {}", error_of_writing);
}

void running_status::tell(const std::string& status, const std::string& message, const std::string& error,
                          bool with_outputs) {
  const auto stage = status == "success" ? std::string{"Done"} : told_.stage;
  put(write_status(directory_, status, message, error, stage, with_outputs));
  running_ = now();
  told_at_ = std::chrono::steady_clock::now();
}

} // namespace sextant
