// s3/real_clusters.hpp - clusters of our own that speak S3.
#pragma once

#include <string>

#include "support/service_script.hpp"

namespace upstow_test {

/// Ceph with three object servers and a gateway.
class real_ceph {
 public:
  std::string endpoint() const { return script_.fact("S3_ENDPOINT"); }
  std::string key() const { return script_.fact("S3_KEY"); }
  std::string secret() const { return script_.fact("S3_SECRET"); }

  /// An object server, from 0 on.
  void kill(int number) { script_.order("kill " + std::to_string(number)); }
  void start(int number) { script_.order("start " + std::to_string(number)); }

 private:
  service_script script_{
      {UPSTOW_START_CEPH}, 3, "no ceph (packages ceph-mon ceph-osd radosgw ceph-common)"};
};

/// OpenStack Swift with s3api.
class real_swift {
 public:
  std::string endpoint() const { return script_.fact("S3_ENDPOINT"); }
  std::string key() const { return script_.fact("S3_KEY"); }
  std::string secret() const { return script_.fact("S3_SECRET"); }

 private:
  service_script script_{{UPSTOW_START_SWIFT}, 3, "no swift (packages python3-swift memcached)"};
};

}  // namespace upstow_test
