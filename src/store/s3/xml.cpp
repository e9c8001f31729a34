#include "xml.hpp"

#include <expat.h>

#include <algorithm>
#include <climits>
#include <memory>

#include "../no_throw.hpp"

namespace upstow {
inline namespace UPSTOW_ABI {
namespace s3_detail {

namespace {

constexpr std::size_t deepest = 16;
constexpr std::size_t elements_most = 20'000;

struct freed {
  void operator()(XML_Parser made) const noexcept { XML_ParserFree(made); }
};
using parser = std::unique_ptr<XML_ParserStruct, freed>;

class tree_builder {
 public:
  explicit tree_builder(XML_Parser from) : from_(from) {
    XML_SetUserData(from, this);
    XML_SetElementHandler(
        from, [](void* me, const XML_Char* name, const XML_Char**) { self(me).begin(name); },
        [](void* me, const XML_Char*) { self(me).end(); });
    XML_SetCharacterDataHandler(from, [](void* me, const XML_Char* text, int size) {
      self(me).add({text, static_cast<std::size_t>(size)});
    });
    XML_SetStartDoctypeDeclHandler(
        from, [](void* me, const XML_Char*, const XML_Char*, const XML_Char*, int) {
          self(me).stop(errc::storage_failed);
        });
  }

  errc why() const noexcept { return why_; }
  xml_element root;

 private:
  static tree_builder& self(void* me) noexcept { return *static_cast<tree_builder*>(me); }

  // Through Expat, which is C, nothing may be thrown.
  template <class F>
  void guarded(F&& f) noexcept {
    store_detail::without_throwing(f, [&] { stop(errc::no_memory); });
  }

  void stop(errc why) noexcept {
    why_ = why;
    XML_StopParser(from_, XML_FALSE);
  }

  void begin(std::string_view name) noexcept {
    if (why_ != errc::ok) return;
    if (open_.size() == deepest || ++elements_ > elements_most) return stop(errc::storage_failed);
    guarded([&] {
      // Pointers into vectors hold: only the innermost open element grows.
      xml_element* at = &root;
      if (!open_.empty()) at = &open_.back()->children.emplace_back();
      at->name = name;
      open_.push_back(at);
    });
  }

  // After a stop Expat may still tell the end of the element at which it was stopped.
  void end() noexcept {
    if (why_ == errc::ok) open_.pop_back();
  }

  void add(std::string_view text) noexcept {
    if (why_ != errc::ok) return;
    guarded([&] { open_.back()->text += text; });
  }

  XML_Parser from_;
  std::vector<xml_element*> open_;
  std::size_t elements_ = 0;
  errc why_ = errc::ok;
};

}  // namespace

const xml_element* xml_element::child(std::string_view wanted) const noexcept {
  for (const xml_element& c : children)
    if (c.name == wanted) return &c;
  return nullptr;
}

std::string_view xml_element::text_of(std::string_view wanted) const noexcept {
  const xml_element* const found = child(wanted);
  return found == nullptr ? std::string_view() : std::string_view(found->text);
}

result<xml_element> parse_xml(std::string_view text) noexcept {
  if (text.size() > INT_MAX) return errc::storage_failed;
  // Complete sends blanks while it works, from some services before the document.
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  const parser made(XML_ParserCreate(nullptr));
  if (!made) return errc::no_memory;
  tree_builder builder(made.get());
  const auto status = XML_Parse(made.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
  if (status == XML_STATUS_OK) return std::move(builder.root);
  if (builder.why() != errc::ok) return builder.why();
  const bool no_memory = XML_GetErrorCode(made.get()) == XML_ERROR_NO_MEMORY;
  return no_memory ? errc::no_memory : errc::storage_failed;
}

}  // namespace s3_detail
}  // namespace UPSTOW_ABI
}  // namespace upstow
