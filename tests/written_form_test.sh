# written_form_test.sh WRITE_FORM PARSE_STDIN: a form goes through both examples unharmed.
set -eu
write_form=$1 parse_stdin=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

printf 'salt\n--and\r\n--water' >sea.txt
"$write_form" title=Holiday 'a"b=' photo=@sea.txt >body 2>head
grep -q "^Content-Length: $(wc -c <body)\$" head
printf '\n[title]\nHoliday\n[a%%22b]\n\n[photo]\n' >expected
cat sea.txt >>expected
"$parse_stdin" "$(sed -n 's/^Content-Type: //p' head)" <body >got
cmp expected got

# A body that was cut must not look whole.
head -c 200 body >cut
if "$parse_stdin" "$(sed -n 's/^Content-Type: //p' head)" <cut >/dev/null 2>&1; then exit 1; fi
