// Links something of every component that was found, so that a missing symbol shows.
#if defined(WITH_digest)
#include "upstow/intake/sha256_observer.hpp"

upstow::failure of_digest() { return upstow::sha256_observer{}.error(); }
#endif
