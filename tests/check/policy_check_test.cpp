// A policy that contradicts itself says so in a sentence, with what to do behind its semicolon; one
// that is merely odd says nothing.
#include "support/catch.hpp"
#include "upstow/check/policy.hpp"
#include "upstow/parse/multipart_parser.hpp"

namespace {

using std::chrono::seconds;
using upstow::content_check;
using upstow::deviation;
using upstow::dialect;
using upstow::duplicates;
using upstow::field_rule;
using upstow::file;
using upstow::KiB;
using upstow::limits;
using upstow::MiB;
using upstow::policy;
using upstow::text;
using upstow::unknown_fields;
using upstow::unlimited;

struct row {
  const char* reason;
  policy rules;
  std::string_view sentence;  // what it begins with
};

policy with_field(field_rule f, limits l = {}) { return {.limits = l, .fields = {std::move(f)}}; }

void check_rows(const std::vector<row>& rows) {
  for (const row& r : rows) {
    const std::string said = r.rules.check();
    INFO(r.reason << ": " << said);
    CHECK(said.substr(0, r.sentence.size()) == r.sentence);
    const std::size_t remedy = said.find("; ");
    CHECK(remedy != std::string::npos);
    CHECK(said.size() > remedy + 10);
  }
}

std::unique_ptr<upstow::content_decoder> no_decoder() noexcept { return nullptr; }

/// The parser's word on one part with this head.
bool parsed(const std::string& head, const limits& l, const dialect& d = {}) {
  const auto boundary = upstow::boundary::from("multipart/form-data; boundary=B");
  upstow::multipart_parser parser(*boundary, l, d);
  const std::string end = d.tolerated.has(deviation::lf_lines) ? "\n" : "\r\n";
  const std::string body = "--B" + end + head + end + "--B--" + end;
  parser.feed(upstow::as_bytes(body));
  for (;;) {
    const upstow::event e = parser.next();
    if (e.kind == upstow::event_kind::done) return true;
    if (e.kind == upstow::event_kind::failed) return false;
    if (e.kind == upstow::event_kind::need_data) parser.finish();
  }
}

}  // namespace

TEST_CASE("limits that let nothing through") {
  check_rows({
      {"no byte", {.limits = {.total_bytes = 0}}, "limits.total_bytes is 0, so nothing"},
      {"no part", {.limits = {.parts = 0}}, "limits.parts is 0, so nothing"},
      {"neither kind of part",
       {.limits = {.files = 0, .fields = 0}},
       "limits.files and limits.fields are 0"},
      {"no header", {.limits = {.part_headers = 0}}, "limits.part_headers is 0, so no part"},
      {"no names", {.limits = {.record_bytes = 0}}, "limits.record_bytes is 0, so no part"},
      {"no name", {.limits = {.name_bytes = 0}}, "limits.name_bytes is 0, but the name needs 1;"},
      {"no decompression", {.limits = {.expansion = 0}}, "limits.expansion is 0"},
      {"no pixel", {.max_pixels = 0}, "max_pixels is 0, which no image"},
      {"no pixel of a field", with_field(file("f", {.types = {"image/png"}, .max_pixels = 0})),
       "field \"f\": max_pixels is 0"},
      {"a file above the total",
       {.limits = {.total_bytes = 10, .file_bytes = 11}},
       "limits.file_bytes (11) is above limits.total_bytes (10); raise"},
      {"no time", {.pace = {.total = seconds(0)}}, "pace.total and pace.idle are not above 0"},
      {"less than no time", {.pace = {.idle = seconds(-1)}}, "pace.total and pace.idle"},
      {"a rate of nothing",
       {.pace = {.min_rate = 1, .rate_window = seconds(0)}},
       "pace.min_rate is measured over pace.rate_window"},
      {"rules for a mail", {.dialect = dialect::any_multipart()}, "dialect.form is false"},
      {"a coding without a decoder", {.decoders = {{.name = "x"}}}, "decoders has \"x\""},
      {"a decoder without a name", {.decoders = {{.make = no_decoder}}}, "decoders has \"\""},
  });
}

TEST_CASE("sizes that no value has") {
  check_rows({
      {"a field above the total", with_field(file("f", {.max_bytes = 11}), {.total_bytes = 10}),
       "field \"f\" may have 11 bytes, but the whole body only 10; raise limits.total_bytes"},
      {"a text above all text", with_field(text("t", {.max_bytes = 2 * MiB})),
       "text field \"t\" may have 2097152 bytes, but all text together only 1048576; raise "
       "limits.text_bytes"},
      {"a least above the most", with_field(text("t", {.min_bytes = 3, .max_bytes = 2})),
       "field \"t\" needs at least 3 bytes but may have only 2; raise max_bytes"},
      {"a least above that of all texts", with_field(text("t", {.min_bytes = 65 * KiB})),
       "field \"t\" needs at least 66560 bytes but may have only 65536; raise limits.field_bytes"},
      {"a least above all text together",
       with_field(text("t", {.min_bytes = 6, .max_bytes = unlimited}), {.text_bytes = 5}),
       "field \"t\" needs at least 6 bytes but may have only 5; raise limits.text_bytes"},
      {"a least above that of all files",
       with_field(file("f", {.min_bytes = 6}), {.file_bytes = 5}),
       "field \"f\" needs at least 6 bytes but may have only 5; raise limits.file_bytes"},
      {"a least above the whole", with_field(file("f", {.min_bytes = 65 * MiB})),
       "field \"f\" needs at least 68157440 bytes but may have only 67108864; raise "
       "limits.total_bytes"},
      {"not empty, and not more", with_field(file("f", {.allow_empty = false, .max_bytes = 0})),
       "field \"f\" may not be empty, but max_bytes is 0"},
      {"not empty, where no text is",
       with_field(text("t", {.allow_empty = false}), {.text_bytes = 0}),
       "field \"t\" may not be empty, but limits.text_bytes is 0"},
      {"required bytes above the total",
       {.limits = {.total_bytes = 100},
        .fields = {file("f", {.required = true, .min_bytes = 60}),
                   file("g", {.min_bytes = 41, .min_count = 1})}},
       "101 bytes of required values are more than limits.total_bytes (100); raise"},
      {"values that may not be empty",
       with_field(file("f", {.allow_empty = false, .min_count = 9, .max_count = 9}),
                  {.total_bytes = 8}),
       "9 bytes of required values are more than limits.total_bytes (8)"},
      {"required text above all text",
       {.limits = {.text_bytes = 100},
        .fields = {text("t", {.min_bytes = 60, .min_count = 2, .max_count = 2})}},
       "120 bytes of required texts are more than limits.text_bytes (100)"},
      {"a product that overflows",
       with_field(file("f", {.min_bytes = UINT64_MAX / 2, .min_count = 3, .max_count = 3}),
                  {.total_bytes = UINT64_MAX / 2}),
       "18446744073709551615 bytes of required values are more than"},
  });
}

TEST_CASE("counts that no request has") {
  check_rows({
      {"two rules", {.fields = {text("t"), file("t")}}, "field \"t\" has two rules; "},
      {"no value", with_field(text("t", {.max_count = 0})), "field \"t\" has max_count 0"},
      {"more than the most", with_field(text("t", {.min_count = 2})),
       "field \"t\" needs 2 values but may have only 1; raise max_count"},
      {"a count that nobody counts",
       with_field(text("t", {.max_count = 2, .duplicates = duplicates::all})),
       "field \"t\" has a max_count, which duplicates::all does not count; "},
      {"a required file of none", with_field(file("f", {.required = true}), {.files = 0}),
       "1 required files are more than limits.files (0); raise that"},
      {"files of one field", with_field(file("f", {.min_count = 101, .max_count = 200})),
       "101 required files are more than limits.files (100)"},
      {"files of two fields",
       {.limits = {.files = 1},
        .fields = {file("f", {.required = true}), file("g", {.min_count = 1})}},
       "2 required files are more than limits.files (1)"},
      {"texts",
       {.limits = {.fields = 1},
        .fields = {text("t", {.required = true}), text("u", {.required = true})}},
       "2 required texts are more than limits.fields (1)"},
      {"both",
       {.limits = {.parts = 1},
        .fields = {text("t", {.required = true}), file("f", {.required = true})}},
       "2 required values are more than limits.parts (1)"},
  });
}

TEST_CASE("lists that nothing can match") {
  check_rows({
      {"no type", {.types = {"png"}}, "types has \"png\"; write"},
      {"no pattern", {.types = {"*/png"}}, "types has \"*/png\"; write"},
      {"no wildcard", {.sniffed_types = {"image/p*"}}, "sniffed_types has \"image/p*\"; write"},
      {"capitals", {.types = {"Image/png"}}, "types has \"Image/png\"; write"},
      {"a parameter", {.types = {"image/png; q=1"}}, "types has \"image/png; q=1\"; write"},
      {"nothing", {.sniffed_types = {""}}, "sniffed_types has \"\"; write"},
      {"a dot", with_field(file("f", {.extensions = {".png"}})),
       "field \"f\": extensions has \".png\"; write"},
      {"no extension", {.denied_extensions = {""}}, "denied_extensions has \"\"; write"},
      {"a script", with_field(file("f", {.extensions = {"php"}})),
       "field \"f\": extensions has \"php\", which denied_extensions refuses; "},
      {"a script of the policy",
       {.extensions = {"png", "php"}},
       "extensions has \"php\", which denied_extensions refuses; "},
      {"denied beside it, in capitals",
       with_field(file("f", {.extensions = {"x"}, .denied_extensions = {"X"}})),
       "field \"f\": extensions has \"x\", which denied_extensions refuses; "},
      {"all that the policy allows",
       {.fields = {file("f", {.denied_extensions = {"png"}})}, .extensions = {"PNG"}},
       "field \"f\": extensions are all refused by denied_extensions; "},
  });
  policy of_files = with_field(text("t"));
  of_files.fields[0].max_pixels = 5;
  check_rows({{"pixels of a text", of_files, "text field \"t\" has types, extensions or rules"}});
  policy running = with_field(text("t"));
  running.fields[0].active_content = upstow::active_content::allow;
  check_rows({{"a script in a text", running, "text field \"t\" has types, extensions or rules"}});
}

TEST_CASE("lists that exclude each other") {
  check_rows({
      {"png called pdf", with_field(file("f", {.types = {"image/png"}, .extensions = {"pdf"}})),
       "field \"f\": types and extensions are never true of the same file; "},
      {"of the policy",
       {.types = {"image/png"}, .extensions = {"PDF", "docx"}},
       "types and extensions are never true"},
      {"one list each",
       {.fields = {file("f", {.types = {"image/png"}})}, .extensions = {"pdf"}},
       "field \"f\": types and extensions are never true"},
      {"kin that is no kin",
       with_field(file("f", {.types = {"application/vnd.openxmlformats-officedocument."
                                       "wordprocessingml.document"},
                             .extensions = {"xlsx"}})),
       "field \"f\": types and extensions are never true"},
      {"png that looks like pdf",
       with_field(file("f", {.types = {"image/png"}, .sniffed_types = {"application/pdf"}})),
       "field \"f\": types and sniffed_types are never true"},
      {"pdf that looks like an image",
       with_field(file("f", {.extensions = {"pdf"}, .sniffed_types = {"image/*"}})),
       "field \"f\": extensions and sniffed_types are never true"},
      {"two of three",
       with_field(file("f", {.types = {"image/png", "application/pdf"},
                             .extensions = {"png", "gif"},
                             .sniffed_types = {"application/pdf", "image/gif"}})),
       "field \"f\": types, extensions and sniffed_types are never true"},
      {"what nobody knows, and nothing else",
       with_field(file("f", {.content = content_check::refuse_unknown,
                             .sniffed_types = {"application/octet-stream"}})),
       "field \"f\": content and sniffed_types are never true"},
      {"what is never found",
       with_field(file("f", {.content = content_check::off, .sniffed_types = {"x/y"}})),
       "field \"f\": sniffed_types has nothing that first bytes are found to be; "},
  });
}

TEST_CASE("limits on heads and names that the rules need") {
  check_rows({
      {"the shortest head",
       {.limits = {.part_header_bytes = 39}},
       "limits.part_header_bytes is 39, but the shortest Content-Disposition with what the rule "
       "asks for and its line ends needs 40; set it to at least that"},
      {"of a name", with_field(text("abc"), {.part_header_bytes = 41}),
       "field \"abc\": limits.part_header_bytes is 41, but"},
      {"of a name in quotes", with_field(text("a b"), {.part_header_bytes = 43}),
       "field \"a b\": limits.part_header_bytes is 43, but"},
      {"of a file",
       with_field(file("f", {.types = {"image/*"}, .extensions = {"jpeg", "js"}}),
                  {.part_header_bytes = 74}),
       "field \"f\": limits.part_header_bytes is 74, but"},
      {"a type has a line of its own",
       with_field(file("f", {.types = {"image/png"}}), {.part_headers = 1}),
       "field \"f\": limits.part_headers is 1, but Content-Disposition and Content-Type needs 2"},
      {"a long name", with_field(text("abc"), {.name_bytes = 2}),
       "field \"abc\": limits.name_bytes is 2, but the name needs 3"},
      {"an extension", with_field(file("f", {.extensions = {"png"}}), {.filename_bytes = 3}),
       "field \"f\": limits.filename_bytes is 3, but the shortest filename"},
      {"a record",
       with_field(file("f", {.types = {"a/b", "aa/b"}, .extensions = {"png"}}),
                  {.record_bytes = 7}),
       "field \"f\": limits.record_bytes is 7, but name, filename and type needs 8"},
      {"all records",
       {.limits = {.record_bytes = 5},
        .fields = {text("abc", {.required = true}), text("def", {.required = true})}},
       "6 bytes of required names and types are more than limits.record_bytes (5)"},
  });
}

TEST_CASE("the least header block is what the parser needs") {
  const auto most = [](std::uint32_t n) { return limits{.part_header_bytes = n}; };
  const auto silent = [](field_rule f, std::uint32_t n, dialect d = {}) {
    return policy{.limits = {.part_header_bytes = n}, .dialect = d, .fields = {std::move(f)}}
        .check()
        .empty();
  };
  const struct {
    field_rule rule;
    dialect how;
    std::string head;
  } rows[] = {
      {text("a"), {}, "Content-Disposition:form-data;name=a\r\n\r\n"},
      {text(""), {}, "Content-Disposition:form-data;name=\"\"\r\n\r\n"},
      {text("a b"), {}, "Content-Disposition:form-data;name=\"a b\"\r\n\r\n"},
      {text("a b"), dialect::strict().with(deviation::loose_value),
       "Content-Disposition:form-data;name=a b\r\n\r\n"},
      {text("a"), dialect::strict().with(deviation::lf_lines),
       "Content-Disposition:form-data;name=a\n\n"},
      {text(""), dialect::lenient(), "Content-Disposition:form-data\n\n"},
      {file("a"), {}, "Content-Disposition:form-data;name=a;filename=b\r\n\r\n"},
      {file("a", {.types = {"a/b"}, .extensions = {"png"}}),
       {},
       "Content-Disposition:form-data;name=a;filename=.png\r\nContent-Type:a/b\r\n\r\n"},
  };
  for (const auto& r : rows) {
    INFO(r.head);
    const auto size = static_cast<std::uint32_t>(r.head.size());
    CHECK(parsed(r.head, most(size), r.how));
    CHECK_FALSE(parsed(r.head, most(size - 1), r.how));
    CHECK(silent(r.rule, size, r.how));
    CHECK_FALSE(silent(r.rule, size - 1, r.how));
  }
}

TEST_CASE("odd policies that some client satisfies are no contradictions") {
  const struct {
    const char* reason;
    policy rules;
  } rows[] = {
      {"the default", {}},
      {"everything tolerated", {.dialect = dialect::lenient()}},
      {"no files, and none required", with_field(file("f"), {.files = 0})},
      {"no text", with_field(file("f", {.required = true}), {.fields = 0})},
      {"exactly as many as are needed",
       {.limits = {.parts = 3, .files = 2, .fields = 1},
        .fields = {file("f", {.min_count = 2, .max_count = 2}), text("t", {.required = true})}}},
      {"more than may come, if it does", with_field(file("f", {.max_count = 500}))},
      {"any number, two at least",
       with_field(text("t", {.min_count = 2, .duplicates = duplicates::all}))},
      {"only empty files", with_field(file("f", {.required = true, .max_bytes = 0}))},
      {"text up to all text", with_field(text("t", {.max_bytes = 1 * MiB}))},
      {"text without a limit of its own", with_field(text("t", {.max_bytes = unlimited}))},
      {"a limit on each text above that on all", {.limits = {.text_bytes = 5}}},
      {"a file without a limit of its own",
       with_field(file("f", {.max_bytes = unlimited}), {.total_bytes = 5})},
      {"nothing is limited",
       {.limits = {.total_bytes = unlimited, .file_bytes = unlimited, .text_bytes = unlimited},
        .fields = {file("f", {.min_bytes = UINT64_MAX / 2, .min_count = 3, .max_count = 3}),
                   text("t", {.min_bytes = 65 * KiB, .max_bytes = unlimited})}}},
      {"exactly the total", with_field(file("f", {.min_bytes = 50, .min_count = 2, .max_count = 2}),
                                       {.total_bytes = 100})},
      {"what is required of nobody",
       {.limits = {.total_bytes = 100},
        .fields = {file("f", {.min_bytes = 60}), file("g", {.min_bytes = 60})}}},
      {"no rate, no window", {.pace = {.rate_window = seconds(0)}}},
      {"any type", with_field(file("f", {.types = {"*/*"}, .sniffed_types = {"*/*"}}))},
      {"any type needs no line", with_field(file("f", {.types = {"*/*"}}), {.part_headers = 1})},
      {"a field narrows the policy",
       {.fields = {file("f", {.denied_extensions = {"png"}})}, .extensions = {"png", "jpg"}}},
      {"lists that no field has a use for",
       {.fields = {file("f", {.types = {"image/gif"}, .extensions = {"gif"}})},
        .types = {"image/png"},
        .extensions = {"pdf"}}},
      {"one of many agrees",
       with_field(file("f", {.types = {"image/png", "application/pdf"}, .extensions = {"pdf"}}))},
      {"at odds, and nobody looks", with_field(file("f", {.types = {"image/png"},
                                                          .extensions = {"pdf"},
                                                          .content = content_check::off,
                                                          .sniffed_types = {"image/gif"}}))},
      {"an image of a type that is not known",
       with_field(file("f", {.types = {"image/*"}, .extensions = {"eps"}}))},
      {"an octet-stream",
       with_field(file("f", {.types = {"application/*"}, .extensions = {"png"}}))},
      {"what nobody knows", with_field(file("f", {.types = {"model/x"},
                                                  .extensions = {"mdl"},
                                                  .content = content_check::refuse_unknown}))},
      {"no signature, but some have one",
       with_field(file("f", {.types = {"audio/mpeg"},
                             .extensions = {"mp3"},
                             .content = content_check::refuse_unknown}))},
      {"CSV of Excel", with_field(file("f", {.types = {"application/vnd.ms-excel"},
                                             .extensions = {"csv"},
                                             .sniffed_types = {"text/plain"}}))},
      {"Office, whichever",
       with_field(file("f", {.extensions = {"docx"},
                             .sniffed_types = {"application/vnd.openxmlformats-officedocument"}}))},
      {"no pixel of a PDF",
       {.fields = {file("f", {.types = {"application/pdf"}, .max_pixels = 0}), text("t")},
        .max_pixels = 1}},
      {"no pixel where no file is", {.fields = {text("t")}, .max_pixels = 0}},
      {"a raw body without a name", with_field(file(""), {.name_bytes = 0})},
      {"scripts, if they are asked for",
       {.fields = {file("f", {.extensions = {"php"}})}, .denied_extensions = {}}},
      {"the shortest head", {.limits = {.part_headers = 1, .part_header_bytes = 40}}},
      {"all records, exactly",
       {.limits = {.record_bytes = 6},
        .fields = {text("abc", {.required = true}), text("def", {.required = true})}}},
  };
  for (const auto& r : rows) {
    INFO(r.reason);
    CHECK(r.rules.check() == "");
  }
}
