// What a store is told of a request and of its files when they begin.
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/form.hpp"
#include "support/through_store.hpp"
#include "upstow/intake/session.hpp"
#include "upstow/store/memory_store.hpp"

namespace {

class listening_store final : public upstow_test::through_store {
 public:
  using through_store::through_store;
  std::vector<bool> host_commits;
  std::vector<std::string> sniffed;

  std::unique_ptr<upstow::transaction> open(const upstow::request_meta& request,
                                            upstow::failure& why) noexcept override {
    host_commits.push_back(request.host_commits);
    return std::make_unique<listening>(inner.open(request, why), sniffed);
  }

 private:
  struct listening final : upstow_test::through_transaction {
    listening(std::unique_ptr<upstow::transaction> made, std::vector<std::string>& to)
        : through_transaction(std::move(made)), sniffed(to) {}
    upstow::sink* begin(const upstow::part_meta& p, upstow::failure& why) noexcept override {
      sniffed.emplace_back(p.sniffed_type);
      return inner->begin(p, why);
    }
    std::vector<std::string>& sniffed;
  };
};

}  // namespace

TEST_CASE("a store is told who commits, and what the first bytes say") {
  upstow::memory_store memory;
  listening_store store(memory);
  const upstow::policy anything{.fields = {upstow::file("a")}};
  const auto body = form().file("a", "n.txt", "\x89PNG\r\n\x1a\n").end();
  const upstow::head head{.content_type = form::content_type, .content_length = body.size()};
  for (const auto commit : {upstow::commit_mode::library, upstow::commit_mode::host}) {
    upstow::session s{store, anything, head, {.commit = commit}};
    REQUIRE(s.feed(body).consumed == body.size());
    const auto last = s.finish();
    CHECK(last.st != upstow::state::failed);
  }
  CHECK(store.host_commits == std::vector{false, true});
  CHECK(store.sniffed == std::vector<std::string>(2, "image/png"));
}
