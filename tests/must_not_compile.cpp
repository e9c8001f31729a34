// Misuse that must be a compile error. Compiled once without a mistake, which must succeed, and
// once for each macro, which must fail.
#include "upstow/intake/session.hpp"

#if defined(UPSTOW_IGNORED_STEP_IS_ERROR)
#pragma GCC diagnostic error "-Wunused-result"
#endif

void use(upstow::store& store, const upstow::head& head) {
#if defined(UPSTOW_TEMPORARY_POLICY)
  upstow::session body{store, upstow::policy{}, head};
#else
  const upstow::policy policy;
  upstow::session body{store, policy, head};
#endif

#if defined(UPSTOW_COPIED_SESSION)
  upstow::session copy{body};
#endif

#if defined(UPSTOW_IGNORED_STEP_IS_ERROR)
  body.finish();
#else
  (void)body.finish();
#endif
}
