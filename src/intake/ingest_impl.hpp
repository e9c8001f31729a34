// src/intake/ingest_impl.hpp - the state of one request, private to ingest.cpp.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text_charset.hpp"
#include "upstow/check/image_search.hpp"
#include "upstow/check/sniff.hpp"
#include "upstow/intake/ingest.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace ingest_detail {

/// Where a request stands. Each phase that asks somebody can pause and be run again.
enum class phase : std::uint8_t {
  head_votes,
  between_parts,
  part_votes,
  in_text,
  in_untouched,  // a file input with an empty filename and, so far, no data
  at_gate,       // the first bytes of a file are held
  gate_votes,
  replaying,  // they go to the sink
  in_file,
  in_dropped,  // an ignored field, or a file that was skipped or refused
  file_votes,
  all_fields_votes,
  preparing,
  commit_votes,
  awaiting_host,
  committing,
  over,
};

/// A part_head that outlives the call which brought it; needed only when an observer asks for time.
struct kept_part {
  std::string name, filename, content_type;
  std::vector<std::pair<std::string, std::string>> headers;
  part_head view;

  void keep(const part_head& part) {
    name = part.name;
    filename = part.filename;
    content_type = part.content_type.value_or(std::string_view());
    headers.clear();
    for (const header_field& h : part.headers) headers.emplace_back(h.name, h.value);
    view.index = part.index;
    view.is_file = part.is_file;
    view.name = name;
    view.filename = filename;
    view.content_type.reset();
    if (part.content_type) view.content_type = content_type;
    view.anomalies = part.anomalies;
    view.headers.clear();
    for (const auto& [n, v] : headers) view.headers.push_back({n, v});
  }
};

/// The first bytes of a file, until it is known what they are of.
class held_bytes {
 public:
  void clear() noexcept { size_ = left_ = 0; }
  std::size_t size() const noexcept { return size_; }
  bytes view() const noexcept { return size_ == 0 ? bytes() : bytes(*room_).first(size_); }
  /// REQUIRES: they fit in. May throw bad_alloc, once for a request.
  void add(bytes more) {
    if (more.empty()) return;
    if (room_ == nullptr) room_ = std::make_unique<std::array<std::byte, sniffed_bytes>>();
    std::memcpy(room_->data() + size_, more.data(), more.size());
    size_ += more.size();
    left_ = size_;
  }
  /// How many are still to be taken, and that some were.
  std::size_t left() const noexcept { return left_; }
  void take(std::size_t n) noexcept { left_ -= n; }

 private:
  std::unique_ptr<std::array<std::byte, sniffed_bytes>> room_;
  std::size_t size_ = 0, left_ = 0;
};

/// The length of the body that the session will see; nothing where it was not announced, or is that
/// of a coded body.
inline std::optional<std::uint64_t> announced_length(const head& request) {
  if (!request.length_is_wire || !request.content_encoding.empty()) return std::nullopt;
  return request.content_length;
}

/// A head that outlives the host's request.
class kept_head {
 public:
  explicit kept_head(const head& request) : view_(request) {
    std::string_view* const all[] = {&view_.content_type,   &view_.content_encoding,
                                     &view_.content_digest, &view_.repr_digest,
                                     &view_.content_md5,    &view_.raw_field,
                                     &view_.raw_filename,   &view_.content_disposition};
    for (const std::string_view* text : all) text_ += *text;
    std::size_t at = 0;
    for (std::string_view* text : all) {
      *text = std::string_view(text_).substr(at, text->size());
      at += text->size();
    }
  }
  kept_head(const kept_head&) = delete;
  kept_head& operator=(const kept_head&) = delete;
  const head& view() const noexcept { return view_; }

 private:
  std::string text_;
  head view_;
};

}  // namespace ingest_detail

class ingest::impl {
 public:
  impl(store& into, const policy& rules, const head& request, const session_options& options);
  ~impl() { cancel(cancel_reason::host); }

  template <class Call>
  step guarded(std::size_t offered, Call&& call) noexcept;

  step part_begin(const part_head& part);
  step part_data(bytes data);
  step part_end();
  step finish();
  step commit();
  step resume();
  bool on_ready(waker w) noexcept;
  void cancel(cancel_reason why) noexcept;
  void fail(failure why) noexcept;
  step body(bytes seen);
  void disarm() noexcept;
  bool over() const noexcept { return st_ == state::done || st_ == state::failed; }

  outcome out_;
  std::uint64_t stored_ = 0;
  std::uint64_t offset_ = 0;
  std::optional<std::uint64_t> unread_;
  state st_ = state::need_more;

 private:
  using phase = ingest_detail::phase;

  step now(std::size_t consumed = 0) const noexcept { return {consumed, st_}; }
  void wait_for(waitable& what) noexcept;
  void reject(failure why) noexcept;
  void reject(errc code) noexcept { reject({.code = code}); }
  void break_rule(errc code, std::string_view rule, std::string limit);

  template <class Ask>
  bool all_voted(Ask&& ask);
  bool run_phase();
  void run();

  // ingest_parts.hpp
  bool open_part(const part_head& part);
  std::uint32_t& count_of_rule() noexcept;
  bool rule_is_full() noexcept;
  std::uint64_t limit_or(std::uint64_t common) const noexcept;
  void open_text(const part_head& part);
  std::size_t text_data(bytes data);
  void end_text();
  void forget_first_text();

  // ingest_files.hpp
  void open_file(const part_head& part);
  void begin_file(bool named);
  void start_file();
  std::size_t gate_data(bytes data);
  void pass_gate(bytes first);
  void begin_sink();
  bool open_transaction() noexcept;
  bool replay();
  static bytes behind_the_gate(bytes data, std::uint64_t at) noexcept;
  std::size_t write_and_look(bytes data);
  bool judge_size_of_image();
  std::size_t room_of_observers();
  std::size_t write_some(bytes data);
  std::size_t file_data(bytes data);
  void drop_data(bytes data);
  bool judge_size(std::uint64_t size);
  void accept_file();
  void forget_first_file() noexcept;
  void drop_file() noexcept;
  void refuse_file(failure why, rule_violation broken);
  void refuse_file(errc code, std::string_view rule, std::string limit);
  void refuse_too_large();

  bool file_votes() const noexcept;
  void check_required();
  bool fail_as_refused(std::string_view field);
  bool make_keys();
  void prepare_phase();
  void commit_phase();
  void copy_objects();
  file_record& current_file() noexcept { return out_.files.back(); }

  store& store_;
  const policy& policy_;
  const session_options options_;
  const body_kind kind_;
  const ingest_detail::kept_head head_;
  const std::uint64_t announced_bytes_;  // of a raw body; 0: the client did not say
  const std::uint64_t body_limit_;  // no file is longer: the policy's total or the announced one
  std::unique_ptr<transaction> transaction_;
  phase phase_ = phase::head_votes;
  std::size_t voter_ = 0;  // the observer to ask next
  bool skip_voted_ = false;
  waitable* waiting_for_ = nullptr;

  // Of the part that is open.
  std::uint32_t part_index_ = 0;
  bool part_over_ = false;     // part_end() was called
  bool refused_here_ = false;  // it is a file that was refused
  const field_rule* rule_ = nullptr;
  sink* sink_ = nullptr;
  std::uint64_t part_limit_ = 0;
  ingest_detail::text_charset charset_ = ingest_detail::text_charset::utf8;
  ingest_detail::kept_part kept_;
  const part_head* voting_part_ = nullptr;
  ingest_detail::held_bytes held_;
  bytes window_;  // what first_bytes() is asked about
  content found_ = content::none;
  image_search search_;  // over where no size is looked for

  std::vector<std::uint32_t> counts_;  // good values, by index of the rule
  std::uint32_t parts_ = 0, files_ = 0, fields_ = 0;
  std::uint64_t text_bytes_ = 0, record_bytes_ = 0, refused_bytes_ = 0;
  std::vector<sink*> sinks_;  // by index of out_.files; null before a sink is begun
  std::vector<publish_as> publish_;
  std::vector<std::size_t> published_files_;  // indices into out_.files, in the order of publish_
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
