message(STATUS "upstow: install rules come later")
