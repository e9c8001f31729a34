// A second translation unit of a header-only program: what is not inline shows up at the link.
#include "upstow/upstow.hpp"

static_assert(UPSTOW_VERSION_MAJOR == 0);
