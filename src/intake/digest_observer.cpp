#include "upstow/intake/digest_observer.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "../parse/chars.hpp"
#include "hash_set.hpp"
#include "upstow/parse/digest_field.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace {

using digest_detail::algorithm_set;
using digest_detail::hash_set;

/// A digest that the client sent, and where.
struct claim {
  std::string field;
  digest_value value;
};
using claims = std::vector<claim>;

errc add_digest_field(std::string_view field, std::string_view value, claims& to) {
  if (value.empty()) return errc::ok;
  const result<named_digests> named = digests_of(value);
  if (!named) return errc::bad_digest_field;
  for (const digest_value& d : named->view()) to.push_back({std::string(field), d});
  return errc::ok;
}

errc add_content_md5(std::string_view field, std::string_view value, claims& to) {
  const result<digest_value> d = content_md5_of(value);
  if (!d) return errc::bad_digest_field;
  to.push_back({std::string(field), *d});
  return errc::ok;
}

algorithm_set algorithms_of(const claims& all) noexcept {
  algorithm_set set;
  for (const claim& c : all) set.add(c.value.algorithm);
  return set;
}

/// The name of a form's field comes from the client: shown where it is a plain word.
std::string shown(std::string_view name) {
  const bool plain = name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                              (c >= 'a' && c <= 'z') || c == '_' || c == '-' || c == '.';
                     });
  return plain ? std::string(name) : std::string();
}

const digest_value* find(const std::vector<digest_value>& among, digest_algorithm a) noexcept {
  const auto found = std::find_if(among.begin(), among.end(),
                                  [a](const digest_value& d) { return d.algorithm == a; });
  return found == among.end() ? nullptr : &*found;
}

}  // namespace

class digest_observer::impl {
 public:
  explicit impl(digest_options options) : options_(std::move(options)) {}

  vote head(const upstow::head& request);
  vote part_head(const upstow::part_head& part);
  vote part_end(file_record& file);
  vote all_fields(const outcome& request);

  hash_set file_, body_;
  failure error_;
  rule_violation broken_;

 private:
  vote answer(vote no, errc code, rule_violation broken = {});
  vote reject(errc code, rule_violation broken = {}) {
    return answer(vote::reject, code, std::move(broken));
  }
  bool can_do_options();
  vote read_request_claims(const upstow::head& request);
  vote judge_request_claims(const upstow::head& request);
  errc read_part_claims(const upstow::part_head& part);
  algorithm_set published_for(std::string_view field) const noexcept;
  vote compare(const claims& said, const hash_set& found, vote no);
  vote judge_field(const field_digest& f, const outcome& request);
  vote judge_text(const field_digest& f, const file_record& file, const std::string& text);

  const digest_options options_;
  claims request_claims_, part_claims_;
  algorithm_set published_;    // of the file that is open
  bool body_is_file_ = false;  // so what is known of the one is known of the other
  bool rejected_ = false;
};

vote digest_observer::impl::answer(vote no, errc code, rule_violation broken) {
  if (rejected_) return vote::reject;
  rejected_ = no == vote::reject;
  error_ = {.code = code};
  broken_ = std::move(broken);
  return no;
}

vote digest_observer::impl::head(const upstow::head& request) {
  if (!can_do_options()) return vote::reject;
  if (options_.request != request_digest::ignore) {
    if (const vote v = read_request_claims(request); v != vote::accept) return v;
    if (const vote v = judge_request_claims(request); v != vote::accept) return v;
  }
  body_is_file_ = request.kind == body_kind::raw && request.content_encoding.empty();
  const algorithm_set wanted = algorithms_of(request_claims_);
  if (!body_is_file_ && !wanted.empty() && !body_.begin(wanted)) return reject(errc::internal);
  return vote::accept;
}

bool digest_observer::impl::can_do_options() {
  const auto offered = [this](digest_algorithm a) {
    if (file_.offers(a)) return true;
    reject(errc::bad_policy, {.rule = "algorithms", .value = std::string(algorithm_name(a))});
    return false;
  };
  return std::all_of(options_.algorithms.begin(), options_.algorithms.end(), offered) &&
         std::all_of(options_.fields.begin(), options_.fields.end(),
                     [&](const field_digest& f) { return offered(f.algorithm); });
}

vote digest_observer::impl::read_request_claims(const upstow::head& request) {
  const auto bad = [this](const char* field) {
    return reject(errc::bad_digest_field, {.field = field, .rule = "syntax"});
  };
  claims& all = request_claims_;
  if (add_digest_field("content-digest", request.content_digest, all) != errc::ok)
    return bad("content-digest");
  if (add_digest_field("repr-digest", request.repr_digest, all) != errc::ok)
    return bad("repr-digest");
  if (!request.content_md5.empty() &&
      add_content_md5("content-md5", request.content_md5, all) != errc::ok)
    return bad("content-md5");
  return vote::accept;
}

vote digest_observer::impl::judge_request_claims(const upstow::head& request) {
  if (request_claims_.empty() && options_.request == request_digest::require)
    return reject(errc::digest_unverifiable, {.field = "content-digest", .rule = "require"});
  for (const claim& c : request_claims_) {
    if (request.length_is_wire && file_.offers(c.value.algorithm)) continue;
    return reject(errc::digest_unverifiable,
                  {.field = c.field, .rule = std::string(algorithm_name(c.value.algorithm))});
  }
  return vote::accept;
}

vote digest_observer::impl::part_head(const upstow::part_head& part) {
  if (rejected_) return vote::reject;
  if (!part.is_file) return vote::accept;
  error_ = {};
  broken_ = {};
  part_claims_.clear();
  if (options_.part_headers) {
    const errc read = read_part_claims(part);
    if (read != errc::ok)
      return answer(vote::refuse, read, {.field = shown(part.name), .rule = "syntax"});
  }
  for (const claim& c : part_claims_) {
    if (file_.offers(c.value.algorithm)) continue;
    return answer(vote::refuse, errc::digest_unverifiable,
                  {.field = c.field, .rule = std::string(algorithm_name(c.value.algorithm))});
  }
  published_ = published_for(part.name);
  algorithm_set wanted = published_;
  wanted.add(algorithms_of(part_claims_));
  if (body_is_file_) wanted.add(algorithms_of(request_claims_));
  return file_.begin(wanted) ? vote::accept : reject(errc::internal);
}

errc digest_observer::impl::read_part_claims(const upstow::part_head& part) {
  const std::string field = shown(part.name);
  std::string content_digest;
  std::size_t lines_of_md5 = 0;
  for (const header_field& h : part.headers) {
    if (chars_detail::same_word(h.name, "content-digest")) {
      if (!content_digest.empty()) content_digest += ", ";
      content_digest += h.value;
    } else if (chars_detail::same_word(h.name, "content-md5")) {
      if (++lines_of_md5 > 1) return errc::bad_digest_field;
      const errc read = add_content_md5(field, h.value, part_claims_);
      if (read != errc::ok) return read;
    }
  }
  return add_digest_field(field, content_digest, part_claims_);
}

algorithm_set digest_observer::impl::published_for(std::string_view field) const noexcept {
  algorithm_set set;
  for (const digest_algorithm a : options_.algorithms) set.add(a);
  for (const field_digest& f : options_.fields)
    if (f.file == field) set.add(f.algorithm);
  return set;
}

vote digest_observer::impl::compare(const claims& said, const hash_set& found, vote no) {
  for (const claim& c : said) {
    const digest_value* const made = found.find(c.value.algorithm);
    if (made == nullptr) return reject(errc::internal);
    if (*made == c.value) continue;
    return answer(no, errc::digest_mismatch,
                  {.field = c.field,
                   .rule = std::string(algorithm_name(c.value.algorithm)),
                   .limit = c.value.hex(),
                   .value = made->hex()});
  }
  return vote::accept;
}

vote digest_observer::impl::part_end(file_record& file) {
  if (rejected_) return vote::reject;
  if (!file_.finish()) return reject(errc::internal);
  if (const vote v = compare(part_claims_, file_, vote::refuse); v != vote::accept) return v;
  for (const digest_algorithm a : all_digest_algorithms)
    if (published_.has(a)) file.digests.push_back(*file_.find(a));
  return vote::accept;
}

vote digest_observer::impl::all_fields(const outcome& request) {
  if (rejected_) return vote::reject;
  // A raw body that another observer did not want was not hashed to its end; nothing of it is
  // stored, so there is nothing to protect.
  const bool nothing_stored =
      body_is_file_ && std::all_of(request.files.begin(), request.files.end(),
                                   [](const file_record& f) { return f.skipped; });
  if (!request_claims_.empty() && !nothing_stored) {
    if (!body_is_file_ && !body_.finish()) return reject(errc::internal);
    const vote v = compare(request_claims_, body_is_file_ ? file_ : body_, vote::reject);
    if (v != vote::accept) return v;
  }
  for (const field_digest& f : options_.fields)
    if (const vote v = judge_field(f, request); v != vote::accept) return v;
  return vote::accept;
}

vote digest_observer::impl::judge_field(const field_digest& f, const outcome& request) {
  std::vector<const file_record*> files;
  for (const file_record& file : request.files)
    if (file.field == f.file) files.push_back(&file);  // a skipped one had its value, too
  std::vector<const std::string*> texts;
  for (const text_field& t : request.fields)
    if (t.name == f.text) texts.push_back(&t.value);
  if (texts.empty()) return vote::accept;
  if (texts.size() != files.size())
    return reject(errc::bad_digest_field, {.field = f.text,
                                           .rule = "count",
                                           .limit = std::to_string(files.size()),
                                           .value = std::to_string(texts.size())});
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i]->skipped || texts[i]->empty()) continue;
    if (const vote v = judge_text(f, *files[i], *texts[i]); v != vote::accept) return v;
  }
  return vote::accept;
}

vote digest_observer::impl::judge_text(const field_digest& f, const file_record& file,
                                       const std::string& text) {
  const std::string algorithm(algorithm_name(f.algorithm));
  const result<digest_value> said = digest_of_text(text, f.algorithm);
  if (!said) return reject(errc::bad_digest_field, {.field = f.text, .rule = algorithm});
  const digest_value* const made = find(file.digests, f.algorithm);
  if (made == nullptr) return reject(errc::internal);
  if (*made == *said) return vote::accept;
  return reject(errc::digest_mismatch,
                {.field = f.text, .rule = algorithm, .limit = said->hex(), .value = made->hex()});
}

digest_observer::digest_observer(digest_options options)
    : impl_(std::make_unique<impl>(std::move(options))) {}
digest_observer::~digest_observer() = default;

vote digest_observer::head(const upstow::head& request) { return impl_->head(request); }
vote digest_observer::part_head(const upstow::part_head& part) { return impl_->part_head(part); }
void digest_observer::data(bytes data) { impl_->file_.update(data); }
void digest_observer::body(bytes data) { impl_->body_.update(data); }
vote digest_observer::part_end(file_record& file) { return impl_->part_end(file); }
vote digest_observer::all_fields(const outcome& request) { return impl_->all_fields(request); }
failure digest_observer::error() const noexcept { return impl_->error_; }
rule_violation digest_observer::broken() const { return impl_->broken_; }

}  // namespace UPSTOW_ABI
}  // namespace upstow
