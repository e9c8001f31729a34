# sweep_test.sh UPSTOW_SWEEP: the example removes what is dead and old enough, and nothing else.
set -eu
sweep=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

mkdir store
"$sweep" store >first
grep -qx 'removed 0' first

# Two files as writers that were killed leave them, and one that is none of the library's.
old=store/.upstow-tmp/00000000000000000000000000
young=store/.upstow-tmp/11111111111111111111111111
touch -d '2 days ago' "$old" store/.upstow-tmp/notes.txt
touch "$young"
"$sweep" fs:store --older-than 24h >got
grep -qx 'removed 1' got
test ! -e "$old"
test -e "$young"
"$sweep" store --older-than 0s >got
grep -qx 'removed 1' got
test ! -e "$young"
test -e store/.upstow-tmp/notes.txt

# A slip makes no store and is told apart from a failure.
for wrong in '' 'a b' 'store --older-than' 'store --older-than 24' 'store --older-than 9999d' '--help'; do
  code=0
  # shellcheck disable=SC2086 -- words on purpose
  "$sweep" $wrong >/dev/null 2>&1 || code=$?
  test "$code" = 2
done
for nothing in no-such-store sqlite:no-such-store postgres:host=/no-such-store; do
  code=0
  "$sweep" "$nothing" >/dev/null 2>&1 || code=$?
  test "$code" = 1
  test ! -e no-such-store
done
