// console.hpp: Progress for people: a live view on a terminal, one line per event in a pipe, or JSON lines.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "messages/codec.hpp"

namespace sextant {

/// What the live view knows; grown by events, drawn by `draw_view`. Pure data.
struct view_state {
  std::string title;
  std::string stage;
  std::vector<std::string> order; ///< engines in order of appearance
  struct engine_row {
    std::string state; ///< `starting`, `ready`, `measured`, `pruned`, `failed`, `released`
    int points = 0;
    double value_ms = 0;
    std::string note;
  };
  std::map<std::string, engine_row> engines;
  std::deque<std::string> recent; ///< last lines, oldest first
  progress last;
  double elapsed_s = 0;
  double last_at_s = 0; ///< `elapsed_s` when `last` came
};

/// Adds an event to the view.
void note_event(view_state& view, const progress& event);

/// The view as lines of at most `width` columns, without escape sequences.
std::vector<std::string> draw_view(const view_state& view, int width, int height);

/// What follows the verdict and its target: how it was found, engines, alternatives, remarks, where the files are.
std::string answer_details(const profile_result& result, const std::string& directory);

/// The answer as people read it, also the end of a pipe's output.
std::string answer_text(const profile_request& request, const profile_result& result, const std::string& directory);

/// Shows the events of one request. Used from the main thread only.
class console {
public:
  virtual ~console() = default;
  virtual void show(const envelope& event) = 0;
  /// Called now and then, to move clocks.
  virtual void refresh() = 0;
  /// Before anything else is printed: takes the live view away, leaving its last state on the screen.
  virtual void done() = 0;
};

/// `mode`: `json`, `lines`, `live`, or `auto` (live on a terminal, lines in a pipe). Live and lines go to stderr, JSON to
/// stdout.
std::unique_ptr<console> make_console(const std::string& mode, const std::string& title);

} // namespace sextant
