// s3/real_moto.hpp - a moto server of our own.
#pragma once

#include <string>

#include "support/service_script.hpp"

namespace upstow_test {

class real_moto {
 public:
  std::string endpoint() const { return script_.fact("S3_ENDPOINT"); }
  std::string key() const { return script_.fact("S3_KEY"); }
  std::string secret() const { return script_.fact("S3_SECRET"); }

 private:
  service_script script_{{UPSTOW_START_MOTO}, 3, "no moto (pip: moto[server])"};
};

}  // namespace upstow_test
