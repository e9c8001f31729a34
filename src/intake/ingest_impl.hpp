// src/intake/ingest_impl.hpp - the state of one request, private to ingest.cpp.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "text_charset.hpp"
#include "upstow/intake/ingest.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace ingest_detail {

/// Where a request stands. Each phase from `head_votes` on can pause and be run again.
enum class phase : std::uint8_t {
  head_votes,
  between_parts,
  part_votes,
  in_text,
  in_file,
  in_untouched,  // a file input with an empty filename and, so far, no data
  in_dropped,    // an ignored field or a skipped file
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

  bool open_part(const part_head& part);
  void open_text(const part_head& part);
  void open_file(const part_head& part);
  void start_file();
  bool open_transaction() noexcept;
  std::size_t room_of_observers();
  step text_data(bytes data);
  step file_data(bytes data);
  void end_text();
  void end_file();
  bool count_value();
  void check_required();
  bool make_keys();
  void prepare_phase();
  void commit_phase();
  void copy_objects() noexcept;
  file_record& current_file() noexcept { return out_.files.back(); }

  store& store_;
  const policy& policy_;
  const session_options options_;
  const body_kind kind_;
  std::unique_ptr<transaction> transaction_;
  phase phase_ = phase::head_votes;
  std::size_t voter_ = 0;  // the observer to ask next
  bool skip_voted_ = false;
  waitable* waiting_for_ = nullptr;

  // Of the part that is open.
  std::uint32_t part_index_ = 0;
  const field_rule* rule_ = nullptr;
  sink* sink_ = nullptr;
  std::uint64_t part_limit_ = 0;
  ingest_detail::text_charset charset_ = ingest_detail::text_charset::utf8;
  ingest_detail::kept_part kept_;
  const part_head* voting_part_ = nullptr;
  head kept_head_;
  std::string kept_content_type_, kept_encoding_, kept_field_, kept_filename_, kept_disposition_;

  std::vector<std::uint32_t> counts_;  // by index of the rule
  std::uint32_t parts_ = 0, files_ = 0, fields_ = 0;
  std::uint64_t text_bytes_ = 0, record_bytes_ = 0;
  std::vector<publish_as> publish_;
  std::vector<std::size_t> published_files_;  // indices into out_.files, in the order of publish_
};

}  // namespace UPSTOW_ABI
}  // namespace upstow
