// s3/real_servers.hpp - servers of our own that speak S3, written by others.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/service_script.hpp"

namespace upstow_test {

/// Started by a script that says where it is and who may use it.
class real_s3 {
 public:
  std::string endpoint() const { return script_.fact("S3_ENDPOINT"); }
  std::string key() const { return script_.fact("S3_KEY"); }
  std::string secret() const { return script_.fact("S3_SECRET"); }

 protected:
  real_s3(std::vector<std::string> command, std::size_t facts, const char* missing)
      : script_(std::move(command), facts, missing) {}

  service_script script_;
};

struct real_moto : real_s3 {
  real_moto() : real_s3({UPSTOW_START_MOTO}, 3, "no moto (pip: moto[server])") {}
};

/// Ceph with three object servers and a gateway.
struct real_ceph : real_s3 {
  real_ceph()
      : real_s3({UPSTOW_START_CEPH, "--tls"}, 5,
                "no ceph (packages ceph-mon ceph-osd radosgw ceph-common)") {}

  /// The same gateway behind TLS, and who vouches for it.
  std::string tls_endpoint() const { return script_.fact("S3_TLS_ENDPOINT"); }
  std::string ca_file() const { return script_.fact("S3_CA_FILE"); }

  /// An object server, from 0 on.
  void kill(int number) { script_.order("kill " + std::to_string(number)); }
  void start(int number) { script_.order("start " + std::to_string(number)); }
};

/// OpenStack Swift with s3api.
struct real_swift : real_s3 {
  real_swift() : real_s3({UPSTOW_START_SWIFT}, 3, "no swift (packages python3-swift memcached)") {}
};

}  // namespace upstow_test
