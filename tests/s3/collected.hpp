// s3/collected.hpp - the body of a response as text.
#pragma once

#include <string>

#include "upstow/store/http_transport.hpp"

namespace upstow_test {

struct collected final : upstow::body_reader {
  std::string text;
  bool take(upstow::bytes data) noexcept override {
    text += upstow::as_text(data);
    return true;
  }
};

}  // namespace upstow_test
