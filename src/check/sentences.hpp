// src/check/sentences.hpp - the rules of a field as English sentences. For describe.cpp alone.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "effective.hpp"
#include "upstow/check/describe.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {

namespace sentences_detail {

using effective_detail::effective_rule;
using effective_detail::may_be_image;
using list = std::vector<std::string>;

/// A sentence and the rule that it is about, as rule_violation::rule names it.
struct sentence {
  std::string_view rule;
  std::string text;
};

/// 0 for bytes, 1 for KiB, up to 6 for EiB, which is 2^60 and the largest there is.
inline unsigned size_unit(std::uint64_t size) noexcept {
  unsigned unit = 0;
  while (unit < 6 && size >> 10 * unit >= 1024) ++unit;
  return unit;
}

/// The size, and its exact number where the size is rounded: nobody should have to guess.
inline std::string exact_size(std::uint64_t size) {
  const std::uint64_t scale = std::uint64_t{1} << 10 * size_unit(size);
  const bool rounded = size % scale * 10 % scale != 0;  // scale is at most 2^60
  return rounded ? fmt::format("{} ({} bytes)", size_text(size), size) : size_text(size);
}

inline std::string pixels_text(std::uint64_t pixels) {
  constexpr std::uint64_t mega = 1000'000;
  if (pixels < mega) return fmt::format("{} pixel{}", pixels, pixels == 1 ? "" : "s");
  const std::uint64_t tenth = pixels % mega / (mega / 10);
  std::string text = fmt::format("{}", pixels / mega);
  if (tenth != 0) text += fmt::format(".{}", tenth);
  text += pixels == mega ? " megapixel" : " megapixels";
  return pixels % (mega / 10) == 0 ? text : text + fmt::format(" ({} pixels)", pixels);
}

inline std::string counted(std::uint32_t count, bool files) {
  return fmt::format("{} {}{}", count, files ? "file" : "value", count == 1 ? "" : "s");
}

inline std::string count_sentence(duplicates how, std::uint32_t most, bool files) {
  const std::string_view one = files ? "file" : "value";
  switch (how) {
    case duplicates::reject: return fmt::format("At most {}.", counted(most, files));
    case duplicates::first:
      return most == 1 ? fmt::format("The first {} counts.", one)
                       : fmt::format("The first {} count.", counted(most, files));
    case duplicates::last:
      return most == 1 ? fmt::format("The last {} counts.", one)
                       : fmt::format("The last {} count.", counted(most, files));
    case duplicates::all: break;
  }
  return {};
}

inline std::string dotted(const list& extensions) {
  return extensions.empty() ? std::string() : fmt::format(".{}", fmt::join(extensions, ", ."));
}

/// Three dozen names of scripts are one thing to people.
inline std::string denied_sentence(const list& denied) {
  const list& scripts = script_extensions();
  const auto among = [](const list& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  const bool all_scripts = std::all_of(scripts.begin(), scripts.end(),
                                       [&](const std::string& s) { return among(denied, s); });
  list others;
  for (const std::string& e : denied) {
    if (!all_scripts || !among(scripts, e)) others.push_back(e);
  }
  if (!all_scripts) return fmt::format("No names with {}.", dotted(others));
  return fmt::format("No names with {}{}the extension of a web server's script, such as .php.",
                     dotted(others), others.empty() ? "" : " or ");
}

inline std::string_view content_sentence(content_check check) noexcept {
  switch (check) {
    case content_check::standard:
    case content_check::off: break;
    case content_check::refuse_mismatch: return "The content must be what its name and type say.";
    case content_check::refuse_unknown:
      return "The content must be of a known kind and what its name and type say.";
  }
  return "";
}

inline std::string_view active_sentence(active_content rule) noexcept {
  switch (rule) {
    case active_content::standard:
    case active_content::allow: break;
    case active_content::refuse_hidden: return "No scripts or web pages inside of images and PDFs.";
    case active_content::refuse: return "Nothing that could run, such as scripts and web pages.";
  }
  return "";
}

inline void add_file_sentences(const effective_rule& rule, std::vector<sentence>& to) {
  if (!rule.types->empty()) {
    to.push_back({"types", fmt::format("Types: {}.", fmt::join(*rule.types, ", "))});
  }
  if (!rule.extensions->empty()) {
    to.push_back({"extensions", fmt::format("Extensions: {}.", dotted(*rule.extensions))});
  }
  if (!rule.denied_extensions.empty()) {
    to.push_back({"denied_extensions", denied_sentence(rule.denied_extensions)});
  }
  const std::string_view active = active_sentence(rule.active_content);
  if (!active.empty()) to.push_back({"active_content", std::string(active)});
  const std::string_view content = content_sentence(rule.content);
  if (!content.empty()) to.push_back({"content", std::string(content)});
  if (!rule.sniffed_types->empty()) {
    to.push_back({"sniffed_types", fmt::format("The content must be one of: {}.",
                                               fmt::join(*rule.sniffed_types, ", "))});
  }
  if (rule.max_pixels < inherited && may_be_image(rule)) {
    to.push_back({"max_pixels", fmt::format("Images: at most {}.", pixels_text(rule.max_pixels))});
  }
}

inline std::vector<sentence> sentences_of(const field_rule& f, const effective_rule& rule) {
  std::vector<sentence> all;
  if (f.required) all.push_back({"required", "Required."});
  if (f.min_count > 0) {
    all.push_back({"min_count", fmt::format("At least {}.", counted(f.min_count, f.is_file))});
  }
  if (f.duplicates != duplicates::all) {
    all.push_back({"max_count", count_sentence(f.duplicates, rule.max_count, f.is_file)});
  }
  if (!f.allow_empty) all.push_back({"allow_empty", "Not empty."});
  if (f.min_bytes > 0) {
    all.push_back({"min_bytes", fmt::format("At least {}.", exact_size(f.min_bytes))});
  }
  if (rule.max_bytes < inherited) {
    all.push_back({"max_bytes", fmt::format("At most {}.", exact_size(rule.max_bytes))});
  }
  if (f.is_file) add_file_sentences(rule, all);
  return all;
}

/// What is true of the whole request, or so plain that no list of a field's rules repeats it, and
/// is said to whom it refuses.
inline std::string common_sentence(const policy& p, const field_rule& f, std::string_view rule) {
  const limits& l = p.limits;
  const struct {
    std::string_view rule, what;
    std::uint64_t most;
  } sizes[] = {{"total_bytes", "The whole form", l.total_bytes},
               {"file_bytes", "Each file", std::min(l.file_bytes, l.total_bytes)},
               {"field_bytes", "Each text", l.field_bytes},
               {"text_bytes", "All text together", l.text_bytes}};
  for (const auto& one : sizes) {
    if (one.rule == rule) return fmt::format("{}: at most {}.", one.what, exact_size(one.most));
  }
  if (rule == "parts") return fmt::format("All together: at most {}.", counted(l.parts, false));
  if (rule == "files") return fmt::format("All together: at most {}.", counted(l.files, true));
  if (rule == "fields") return fmt::format("All text: at most {}.", counted(l.fields, false));
  if (rule == "unknown") return "No other fields.";
  if (rule == "is_file") return f.is_file ? "A file." : "Text, not a file.";
  if (rule == "require_utf8") return "Text in UTF-8.";
  if (rule == "required") return "Required.";  // says min_count, too, of a field that is not there
  if (rule == "max_pixels") {                  // an image, where none was to be expected
    const std::uint64_t most = effective_detail::most_pixels(p, &f);
    return fmt::format("Images: at most {}.", pixels_text(most));
  }
  if (rule != "decoders") return {};
  std::vector<std::string_view> codings;
  for (const content_coding& c : p.decoders) codings.push_back(c.name);
  if (codings.empty()) return "Not compressed.";
  return fmt::format("Not compressed, or one of: {}.", fmt::join(codings, ", "));
}

}  // namespace sentences_detail

}  // namespace UPSTOW_ABI
}  // namespace upstow
