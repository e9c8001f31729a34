// benchmarks/engines.hpp - what is measured: upstow, the limits that no parser can pass, and other
// parsers that are installed.
#pragma once

#include <cstdint>

#include "bodies.hpp"

namespace bench {

/// What came out of a body: a parser that loses data is not fast but wrong.
struct outcome {
  std::uint64_t parts = 0;
  std::uint64_t bytes = 0;  ///< of all parts' data
};

using engine = outcome (*)(source& from);

outcome upstow_parser(source& from);

// Of the limits, `bytes` is a value that depends on all the data, so that nothing is left out.
outcome read_only(source& from);    ///< every byte once, with the widest vectors
outcome copy(source& from);         ///< memcpy to a buffer of the chunk's size
outcome find_cr(source& from);      ///< memchr for each CR, as many parsers do
outcome find_needle(source& from);  ///< memmem for the delimiter, across no cut

#if defined(UPSTOW_BENCH_POCO)
outcome poco(source& from);
#endif
#if defined(UPSTOW_BENCH_MICROHTTPD)
outcome microhttpd(source& from);
#endif

}  // namespace bench
