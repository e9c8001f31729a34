// What a caller of a form parser sees, as text, for any way of cutting and pausing.
//
// The log joins data events, because where they are cut is the only thing that may differ:
//
//   part a                      part f file="x.txt" type="text/plain"
//   data hello                  end
//   end                         failed bad-delimiter at 60 in part 1
//   done
//   met folding                 only if something was
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "upstow/parse/multipart_parser.hpp"
#include "upstow/parse/urlencoded_parser.hpp"

namespace replay {

/// How the sink behaves.
enum class sink : std::uint8_t {
  takes_all,
  takes_one_and_pauses,  // one byte, then drop() and the rest is fed again
};

template <class Parser>
class recorder_of {
 public:
  template <class... Arguments>
  explicit recorder_of(sink s, const Arguments&... of_parser) : parser_(of_parser...), sink_(s) {}

  std::string read(std::string_view body, std::vector<std::size_t> cuts) {
    cuts.push_back(body.size());
    std::size_t at = 0;
    for (const std::size_t to : cuts) {
      do {
        // A block of its own for each chunk, so that a sanitizer sees what is read past its end.
        const std::size_t size = to - at;
        const auto chunk = std::make_unique<char[]>(size);
        body.copy(chunk.get(), size, at);
        parser_.feed(upstow::as_bytes(chunk.get(), size));
        drain();
        if (over_) return log_;
        at = to - parser_.drop();
        // After drop() the parser may still offer what it held back, without a chunk.
        if (sink_ == sink::takes_one_and_pauses) drain();
      } while (at < to);
    }
    while (!over_) {
      parser_.finish();
      drain();
    }
    return log_;
  }

  /// Data events of the most fragmented kind: at most so many for each chunk.
  std::size_t data_events() const { return data_events_; }

 private:
  /// Until it needs more, is over, or the sink pauses.
  void drain() {
    while (!over_) {
      const upstow::event ev = parser_.next();
      switch (ev.kind) {
        case upstow::event_kind::need_data: return;
        case upstow::event_kind::part_begin: begin(); break;
        case upstow::event_kind::part_data:
          ++data_events_;
          if (sink_ == sink::takes_one_and_pauses) {
            data_ += upstow::as_text(ev.data.first(1));
            parser_.accept(1);
            return;
          }
          data_ += upstow::as_text(ev.data);
          parser_.accept(ev.data.size());
          break;
        case upstow::event_kind::part_end:
          flush();
          log_ += "end\n";
          break;
        case upstow::event_kind::done:
          log_ += "done\n";
          tell_anomalies();
          over_ = true;
          break;
        case upstow::event_kind::failed: fail(); break;
      }
    }
  }

  void begin() {
    const upstow::part_head& head = parser_.part();
    log_ += "part " + std::string(head.name);
    if (head.is_file) log_ += " file=\"" + std::string(head.filename) + '"';
    if (head.content_type) log_ += " type=\"" + std::string(*head.content_type) + '"';
    log_ += '\n';
  }

  void flush() {
    if (!data_.empty()) log_ += "data " + data_ + '\n';
    data_.clear();
  }

  void fail() {
    flush();
    const upstow::failure why = parser_.error();
    log_ += "failed " + std::string(upstow::describe(why.code).name) + " at " +
            std::to_string(why.offset) + " in part " + std::to_string(why.part) + '\n';
    tell_anomalies();
    over_ = true;
    parser_.feed(upstow::as_bytes("more"));
    if (parser_.next().kind != upstow::event_kind::failed || !(parser_.error() == why))
      log_ += "the failure did not stay\n";
  }

  void tell_anomalies() {
    if (parser_.anomalies().empty()) return;
    log_ += "met";
    for (const upstow::deviation d : parser_.anomalies())
      log_ += ' ' + std::string(upstow::name_of(d));
    log_ += '\n';
  }

  Parser parser_;
  sink sink_;
  std::string log_, data_;
  std::size_t data_events_ = 0;
  bool over_ = false;
};

class recorder : public recorder_of<upstow::multipart_parser> {
 public:
  recorder(const upstow::boundary& b, const upstow::limits& l, sink s,
           const upstow::dialect& d = {})
      : recorder_of(s, b, l, d) {}
};

inline std::string cut(const upstow::boundary& b, const upstow::limits& l, std::string_view body,
                       std::vector<std::size_t> cuts, sink s = sink::takes_all,
                       const upstow::dialect& d = {}) {
  return recorder(b, l, s, d).read(body, std::move(cuts));
}

inline std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

/// The log if all ways of cutting and pausing give the same one; otherwise what differs.
template <class Read>
std::string alike(std::string_view body, Read&& read) {
  const std::string whole = read(std::vector<std::size_t>(), sink::takes_all);
  const auto differs = [&](const std::string& other, const std::string& how) {
    return other == whole ? std::string() : how + "\n" + other + "instead of\n" + whole;
  };
  std::string wrong = differs(read(every_byte(body.size()), sink::takes_all), "byte by byte");
  for (const sink s : {sink::takes_all, sink::takes_one_and_pauses}) {
    const std::string how = s == sink::takes_all ? "cut at " : "pausing, cut at ";
    for (std::size_t at = 0; wrong.empty() && at <= body.size(); ++at)
      wrong = differs(read(std::vector<std::size_t>{at}, s), how + std::to_string(at));
  }
  if (wrong.empty())
    wrong =
        differs(read(every_byte(body.size()), sink::takes_one_and_pauses), "pausing, byte by byte");
  return wrong.empty() ? whole : wrong;
}

inline std::string everywhere(const upstow::boundary& b, std::string_view body,
                              const upstow::limits& l = {}, const upstow::dialect& d = {}) {
  return alike(body, [&](std::vector<std::size_t> cuts, sink s) {
    return cut(b, l, body, std::move(cuts), s, d);
  });
}

/// The same for an urlencoded body.
inline std::string urlencoded_cut(const upstow::limits& l, std::string_view body,
                                  std::vector<std::size_t> cuts, sink s = sink::takes_all) {
  return recorder_of<upstow::urlencoded_parser>(s, l).read(body, std::move(cuts));
}

inline std::string urlencoded_everywhere(std::string_view body, const upstow::limits& l = {}) {
  return alike(body, [&](std::vector<std::size_t> cuts, sink s) {
    return urlencoded_cut(l, body, std::move(cuts), s);
  });
}

inline upstow::boundary boundary_of(std::string_view text) {
  return *upstow::boundary::from("multipart/form-data; boundary=\"" + std::string(text) + '"');
}

}  // namespace replay
