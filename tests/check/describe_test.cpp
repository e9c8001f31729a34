// What clients are told is what is judged: read back as JSON, for every member of a rule, and with
// names that want out of their string.
#include "upstow/check/describe.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "support/catch.hpp"

namespace {

using nlohmann::json;
using upstow::content_check;
using upstow::duplicates;
using upstow::field_rule;
using upstow::KiB;
using upstow::MiB;
using upstow::policy;
using texts = std::vector<std::string>;

// What the library says of a policy is JSON without a member that comes twice.
json described(const policy& p) {
  const std::string text = p.describe();
  std::vector<std::set<std::string>> open;
  json::parser_callback_t no_twins = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key) CHECK(open.back().insert(value).second);
    return true;
  };
  json read = json::parse(text, no_twins, false);
  INFO(text);
  REQUIRE(read.is_object());
  return read;
}

json field_of(const policy& p) { return described(p)["fields"][0]; }

texts sentences(const field_rule& f, policy p = {}) {
  p.denied_extensions.clear();  // of which there are 36
  p.max_pixels = upstow::unlimited;
  p.fields = {f};
  return rule_sentences(p, f);
}

std::string accept(const texts& types, const texts& extensions = {}) {
  const policy p{.fields = {upstow::file("f", {.types = types, .extensions = extensions})}};
  return accept_attribute(p, p.fields[0]);
}

}  // namespace

TEST_CASE("every member of a description, as the header lists them") {
  const policy p{.limits = {.total_bytes = 3 * MiB},
                 .fields = {upstow::file("photo", {.required = true,
                                                   .max_bytes = 2 * MiB,
                                                   .max_count = 3,
                                                   .types = {"image/png"},
                                                   .extensions = {"png"},
                                                   .denied_extensions = {"exe"}}),
                            upstow::text("bio", {.max_bytes = 2 * KiB})},
                 .denied_extensions = {"php"}};
  const json expected = json::parse(R"({
    "limits":{"total_bytes":3145728,"file_bytes":3145728,"field_bytes":65536,"text_bytes":1048576,
              "parts":1000,"files":100,"fields":1000,"name_bytes":1024,"filename_bytes":4096},
    "unknown_fields":"reject","rejection":"all_or_nothing","require_content_length":false,
    "require_utf8":true,"decode_transfer_encoding":false,"content_codings":[],
    "fields":[
      {"name":"photo","kind":"file","required":true,"allow_empty":true,"min_bytes":0,
       "max_bytes":2097152,"min_count":1,"max_count":3,"duplicates":"reject",
       "accept":"image/png,.png",
       "sentences":{"required":"Required.","max_count":"At most 3 files.",
                    "max_bytes":"At most 2 MiB.","types":"Types: image/png.",
                    "extensions":"Extensions: .png.",
                    "denied_extensions":"No names with .php, .exe.",
                    "content":"The content must be what its name and type say.",
                    "active_content":"No scripts or web pages inside of images and PDFs.",
                    "max_pixels":"Images: at most 268.4 megapixels (268402689 pixels)."},
       "types":["image/png"],"extensions":["png"],"denied_extensions":["php","exe"],
       "content":"refuse_mismatch","sniffed_types":[],
       "active_content":"refuse_hidden","max_pixels":268402689},
      {"name":"bio","kind":"text","required":false,"allow_empty":true,"min_bytes":0,
       "max_bytes":2048,"min_count":0,"max_count":1,"duplicates":"reject","accept":"",
       "sentences":{"max_count":"At most 1 value.","max_bytes":"At most 2 KiB."}}]})");
  CHECK(described(p) == expected);
}

TEST_CASE("no member of a rule is forgotten") {
  using change = void (*)(field_rule&);
  const change changes[] = {
      [](field_rule& f) { f.name = "g"; },
      [](field_rule& f) { f.is_file = false; },
      [](field_rule& f) { f.required = true; },
      [](field_rule& f) { f.allow_empty = false; },
      [](field_rule& f) { f.min_bytes = 5; },
      [](field_rule& f) { f.max_bytes = 5; },
      [](field_rule& f) { f.min_count = 1; },
      [](field_rule& f) { f.max_count = 2; },
      [](field_rule& f) { f.duplicates = duplicates::last; },
      [](field_rule& f) { f.types = {"a/b"}; },
      [](field_rule& f) { f.extensions = {"x"}; },
      [](field_rule& f) { f.denied_extensions = {"x"}; },
      [](field_rule& f) { f.content = content_check::refuse_unknown; },
      [](field_rule& f) { f.sniffed_types = {"a/b"}; },
      [](field_rule& f) { f.active_content = upstow::active_content::refuse; },
      [](field_rule& f) { f.max_pixels = 5; },
  };
  // A structured binding of as many names as there are members: one more member is one more change.
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p2] = upstow::file("f");
  (void)std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p2);
  STATIC_REQUIRE(std::size(changes) == 16);
  std::set<std::string> seen{policy{.fields = {upstow::file("f")}}.describe()};
  for (const change apply : changes) {
    policy p{.fields = {upstow::file("f")}};
    apply(p.fields[0]);
    const std::string text = p.describe();
    INFO(text);
    CHECK(seen.insert(text).second);
  }
}

TEST_CASE("the numbers that really hold") {
  const auto most = [](upstow::limits l, const field_rule& f) -> json {
    return field_of({.limits = l, .fields = {f}})["max_bytes"];
  };
  using upstow::unlimited;
  CHECK(most({.total_bytes = 10}, upstow::file("f")) == 10);
  CHECK(most({.total_bytes = 10, .file_bytes = 7}, upstow::file("f")) == 7);
  CHECK(most({.total_bytes = 10, .file_bytes = 7}, upstow::file("f", {.max_bytes = 8})) == 8);
  CHECK(most({.total_bytes = 10}, upstow::file("f", {.max_bytes = unlimited})) == 10);
  CHECK(most({.total_bytes = unlimited}, upstow::file("f")).is_null());
  CHECK(most({.total_bytes = 10}, upstow::text("t")) == 10);
  CHECK(most({.text_bytes = 9}, upstow::text("t")) == 9);
  CHECK(most({}, upstow::text("t")) == 64 * KiB);
  CHECK(most({}, upstow::text("t", {.max_bytes = 65 * KiB})) == 65 * KiB);

  const auto count = [](upstow::limits l, const field_rule& f) -> json {
    return field_of({.limits = l, .fields = {f}})["max_count"];
  };
  CHECK(count({.files = 5}, upstow::file("f", {.max_count = 9})) == 5);
  CHECK(count({.fields = 5}, upstow::text("f", {.max_count = 9})) == 5);
  CHECK(count({.parts = 4, .files = 5}, upstow::file("f", {.max_count = 9})) == 4);
  CHECK(count({.files = 5}, upstow::file("f", {.duplicates = duplicates::all})) == 5);

  const policy p{.fields = {upstow::file("f")},
                 .types = {"image/png"},
                 .content = content_check::refuse_unknown,
                 .sniffed_types = {"image/*"},
                 .max_pixels = 9};
  CHECK(field_of(p)["types"] == json{"image/png"});
  CHECK(field_of(p)["content"] == "refuse_unknown");
  CHECK(field_of(p)["sniffed_types"] == json{"image/*"});
  CHECK(field_of(p)["max_pixels"] == 9);
  CHECK(field_of({.fields = {upstow::file("f")}})["content"] == "off");
  CHECK(field_of({.fields = {upstow::file("f")}, .max_pixels = unlimited})["max_pixels"].is_null());
}

TEST_CASE("what is taken without a rule is described where it is taken") {
  CHECK(described({.fields = {upstow::text("t")}}).count("other_files") == 0);
  const json other = described({.fields = {upstow::text("t")},
                                .unknown = upstow::unknown_fields::accept,
                                .extensions = {"png"}})["other_files"];
  CHECK(other["accept"] == ".png");
  CHECK(other["sentences"]["extensions"] == "Extensions: .png.");
  CHECK(other["max_count"] == 100);
  CHECK(other.count("name") == 0);
  // A policy without any rule accepts every field, whatever `unknown` says.
  CHECK(described({})["unknown_fields"] == "accept");
  CHECK(described({}).count("other_files") == 1);
}

TEST_CASE("members of the policy and its codings") {
  const json d = described({.unknown = upstow::unknown_fields::ignore,
                            .rejection = upstow::rejection::per_file,
                            .require_content_length = true,
                            .require_utf8 = false,
                            .decode_transfer_encoding = true,
                            .decoders = {{.name = "gzip"}, {.name = "zstd"}}});
  CHECK(d["rejection"] == "per_file");
  CHECK(d["require_content_length"] == true);
  CHECK(d["require_utf8"] == false);
  CHECK(d["decode_transfer_encoding"] == true);
  CHECK(d["content_codings"] == json{"gzip", "zstd"});
  CHECK(described({.fields = {upstow::text("t")},
                   .unknown = upstow::unknown_fields::ignore})["unknown_fields"] == "ignore");
}

TEST_CASE("a hostile name stays inside its string") {
  const std::string names[] = {"a\"b", "a\\", "</script>", "a\nb", "x\xE2\x80\xA8y", "{}[],:"};
  for (const std::string& name : names) {
    const policy p{.fields = {upstow::file(name, {.types = {name}, .extensions = {name}})}};
    CHECK(field_of(p)["name"] == name);
    CHECK(field_of(p)["types"] == json{name});
    CHECK(p.describe().find_first_of("<>&\n") == std::string::npos);
  }
  CHECK(field_of({.fields = {upstow::file("\xFF")}})["name"] == "\xEF\xBF\xBD");
}

TEST_CASE("accept has what HTML has words for") {
  const struct {
    texts types, extensions;
    std::string expected;
  } rows[] = {
      {{}, {}, ""},
      {{"image/png", "image/jpeg"}, {}, "image/png,image/jpeg"},
      {{}, {"png", "tar.gz"}, ".png,.tar.gz"},
      {{"image/png"}, {"png"}, "image/png,.png"},
      {{"image/*", "audio/*", "video/*"}, {}, "image/*,audio/*,video/*"},
      // HTML has no such wildcard; without it the others would hide what is allowed.
      {{"image/png", "text/*"}, {}, ""},
      {{"*/*"}, {}, ""},
      {{"text/*"}, {"txt"}, ".txt"},
      {{"image/png"}, {"p,ng"}, "image/png"},
      // Nothing that an attribute would have to escape, quoted one way or the other.
      {{"image/a&lt"}, {}, ""},
      {{"a/b'c"}, {"\"><script>"}, ""},
      {{}, {"p ng"}, ""},
      {{}, {""}, ""},
      {{"no type"}, {}, ""},
      {{"Image/PNG"}, {}, ""},
  };
  for (const auto& row : rows) {
    INFO(row.expected);
    CHECK(accept(row.types, row.extensions) == row.expected);
  }
  const policy of_policy{.fields = {upstow::file("f"), upstow::text("t")}, .types = {"image/png"}};
  CHECK(accept_attribute(of_policy, of_policy.fields[0]) == "image/png");
  CHECK(accept_attribute(of_policy, of_policy.fields[1]).empty());
}

TEST_CASE("a sentence for each rule, and none for what is not restricted") {
  using upstow::unlimited;
  const texts sizes{"At most 1 file.", "At most 64 MiB."};
  CHECK(sentences(upstow::file("f")) == sizes);
  CHECK(sentences(upstow::file("f", {.duplicates = duplicates::all}),
                  {.limits = {.total_bytes = unlimited}}) == texts{});
  CHECK(sentences(upstow::text("t", {.required = true,
                                     .allow_empty = false,
                                     .min_bytes = 1,
                                     .max_bytes = 1500,
                                     .min_count = 2,
                                     .max_count = 4})) ==
        texts{"Required.", "At least 2 values.", "At most 4 values.", "Not empty.",
              "At least 1 byte.", "At most 1.4 KiB (1500 bytes)."});
  const auto counts = [](duplicates how, std::uint32_t n) {
    return sentences(upstow::file("f", {.max_count = n, .duplicates = how}))[0];
  };
  CHECK(counts(duplicates::first, 1) == "The first file counts.");
  CHECK(counts(duplicates::first, 3) == "The first 3 files count.");
  CHECK(counts(duplicates::last, 1) == "The last file counts.");
  CHECK(counts(duplicates::last, 3) == "The last 3 files count.");
}

TEST_CASE("the sentence for a rule that was broken") {
  const policy p{.fields = {upstow::file("f", {.types = {"image/png"}})}};
  CHECK(rule_sentence(p, p.fields[0], "types") == "Types: image/png.");
  CHECK(rule_sentence(p, p.fields[0], "extensions").empty());
  CHECK(rule_sentence(p, p.fields[0], "").empty());
}

TEST_CASE("no rule that can be broken is without a sentence") {
  const policy p{.limits = {.text_bytes = 5},
                 .fields = {upstow::file("f", {.allow_empty = false,
                                               .min_bytes = 1,
                                               .min_count = 1,
                                               .types = {"application/pdf"},
                                               .extensions = {"pdf"},
                                               .sniffed_types = {"application/pdf"}}),
                            upstow::text("t")}};
  const struct {
    const char* rule;
    const char* sentence;
  } rows[] = {
      // Of the whole request, as ingest.cpp names them.
      {"total_bytes", "The whole form: at most 64 MiB."},
      {"file_bytes", "Each file: at most 64 MiB."},
      {"field_bytes", "Each text: at most 64 KiB."},
      {"text_bytes", "All text together: at most 5 bytes."},
      {"parts", "All together: at most 1000 values."},
      {"files", "All together: at most 100 files."},
      {"fields", "All text: at most 1000 values."},
      {"unknown", "No other fields."},
      {"decoders", "Not compressed."},
      // Of a field.
      {"is_file", "A file."},
      {"require_utf8", "Text in UTF-8."},
      {"required", "Required."},
      {"min_count", "At least 1 file."},
      {"max_count", "At most 1 file."},
      {"allow_empty", "Not empty."},
      {"min_bytes", "At least 1 byte."},
      {"max_bytes", "At most 64 MiB."},
      {"types", "Types: application/pdf."},
      {"extensions", "Extensions: .pdf."},
      {"denied_extensions", "No names with the extension of a web server's script, such as .php."},
      {"content", "The content must be what its name and type say."},
      {"active_content", "No scripts or web pages inside of images and PDFs."},
      {"sniffed_types", "The content must be one of: application/pdf."},
      {"max_pixels", "Images: at most 268.4 megapixels (268402689 pixels)."},
  };
  for (const auto& row : rows) CHECK(rule_sentence(p, p.fields[0], row.rule) == row.sentence);
  CHECK(rule_sentence(p, p.fields[1], "is_file") == "Text, not a file.");
  policy coded = p;
  coded.decoders = {{.name = "gzip"}, {.name = "zstd"}};
  CHECK(rule_sentence(coded, p.fields[0], "decoders") == "Not compressed, or one of: gzip, zstd.");
}

TEST_CASE("sentences about names, content and pixels") {
  const auto last = [](const upstow::file_options& options) {
    return sentences(upstow::file("f", options)).back();
  };
  CHECK(last({.content = content_check::refuse_unknown}) ==
        "The content must be of a known kind and what its name and type say.");
  CHECK(last({.sniffed_types = {"image/png", "image/gif"}}) ==
        "The content must be one of: image/png, image/gif.");
  CHECK(last({.active_content = upstow::active_content::refuse}) ==
        "Nothing that could run, such as scripts and web pages.");
  CHECK(sentences(upstow::file("f", {.sniffed_types = {"image/*"},
                                     .active_content = upstow::active_content::allow}))
            .size() == 3);  // of count, size and kind
  CHECK(last({.max_pixels = 1}) == "Images: at most 1 pixel.");
  CHECK(last({.max_pixels = 16'000'000}) == "Images: at most 16 megapixels.");
  CHECK(last({.max_pixels = 1'500'000}) == "Images: at most 1.5 megapixels.");
  CHECK(last({.denied_extensions = upstow::script_extensions()}) ==
        "No names with the extension of a web server's script, such as .php.");
  texts more = upstow::script_extensions();
  more.insert(more.begin(), "exe");
  CHECK(last({.denied_extensions = more}) ==
        "No names with .exe or the extension of a web server's script, such as .php.");
  // Nobody wants to read about the pixels of a PDF.
  CHECK(last({.types = {"application/pdf"}, .max_pixels = 1}).find("ixel") == std::string::npos);
  CHECK(last({.extensions = {"pdf"}, .max_pixels = 1}).find("ixel") == std::string::npos);
  CHECK(last({.extensions = {"png"}, .max_pixels = 1}) == "Images: at most 1 pixel.");
}

TEST_CASE("a size is said in the largest unit, rounded down") {
  const std::pair<std::uint64_t, std::string_view> rows[] = {
      {0, "0 bytes"},       {1, "1 byte"},         {1023, "1023 bytes"},
      {1024, "1 KiB"},      {1536, "1.5 KiB"},     {1535, "1.4 KiB"},
      {64 * MiB, "64 MiB"}, {1024 * MiB, "1 GiB"}, {UINT64_MAX, "15.9 EiB"}};
  for (const auto& [bytes, text] : rows) CHECK(upstow::size_text(bytes) == text);
}
