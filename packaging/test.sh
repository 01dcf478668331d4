#!/usr/bin/env bash
# test.sh DEB: installs the package into a root directory of its own, looks whether
# what it promises is there and works, removes it, and looks whether anything is
# left. The machine's own packages stay as they are.
set -euo pipefail

if [ "$(id -u)" != 0 ]; then
	exec unshare --user --map-root-user "$0" "$@"
fi
deb=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
fail() {
	echo "deb-test: FAILED: $*" >&2
	exit 1
}

mkdir -p "$root"/var/lib/dpkg/{info,updates,triggers}
touch "$root/var/lib/dpkg/status"
install() { dpkg --root="$root" --log=/dev/null --force-not-root --force-bad-path --force-depends "$@" >"$work/dpkg.log" 2>&1 || fail "dpkg $1: $(<"$work/dpkg.log")"; }
list() { find "$root" -path "$root/var/lib/dpkg" -prune -o -printf '%P %y\n' | sort; }

dpkg-deb --contents "$deb" | awk '$2 != "root/root" || $1 ~ /^.....w|^........w|s/ { print; bad = 1 } END { exit bad }' ||
	fail "not root's, or others may write it"
dpkg-deb --control "$deb" "$work/control"
[ "$(cd "$work/control" && echo ./*)" = './control ./md5sums' ] || fail "a script of a maintainer: $(ls "$work/control")"

list >"$work/before"
install --install "$deb"
[ -z "$(dpkg --root="$root" --verify shmchan)" ] || fail "not what md5sums says"

# The command, with nothing from its root but itself: it is static.
shmchan=$root/usr/bin/shmchan
export SHMCHAN_DIR=$work/channels
version=$(dpkg-deb --field "$deb" Version)
told=$("$shmchan" version | cut -d ' ' -f 2)
[ "${told#v}" = "${version/\~/-}" ] || fail "the command is $told, the package $version"
"$shmchan" send --create --durable jobs one two
[ "$("$shmchan" recv jobs)" = $'one\ntwo' ] || fail "the command does not work"
if chroot "$root" /usr/bin/shmchan version >"$work/version" 2>&1; then
	grep -q "$told" "$work/version" || fail "not static: $(<"$work/version")"
else
	fail "not static: $(<"$work/version")"
fi

# A page for each verb; every one renders, and without a warning.
cd "$root/usr/share/man/man1"
for verb in $("$shmchan" --help | awk '/^Verbs:/ { in_verbs = 1; next } /^$/ { in_verbs = 0 } in_verbs && $1 != "help" { print $1 }'); do
	[ -f "shmchan-$verb.1.gz" ] || fail "no manual page of $verb"
done
if command -v man >/dev/null; then
	for page in *.1.gz; do
		MANWIDTH=80 man --warnings=w -l "$page" >"$work/page" 2>"$work/warnings" || fail "$page does not render"
		[ ! -s "$work/warnings" ] || fail "$page: $(<"$work/warnings")"
		grep -q EXAMPLE "$work/page" || fail "$page has no example"
	done
fi

# Completions, by each shell that is here.
complete=$root/usr/share/bash-completion/completions/shmchan
bash -n "$complete"
bash -c 'source "$0"; complete -p shmchan' "$complete" >/dev/null || fail "bash does not complete"
for file in zsh/vendor-completions/_shmchan fish/vendor_completions.d/shmchan.fish; do
	[ -s "$root/usr/share/$file" ] || fail "no $file"
	shell=${file%%/*}
	if command -v "$shell" >/dev/null; then "$shell" -n "$root/usr/share/$file" || fail "$shell does not read $file"; fi
done

cd "$root/usr/share/doc/shmchan"
for file in copyright changelog.gz licences.gz README.md cli.md recipes.md; do
	[ -s "$file" ] || fail "no $file"
done
# No library without its licence: no heading that another follows at once.
zcat licences.gz | awk '/^== / { if (bare) print bare; bare = $2; next } { bare = "" } END { if (bare) print bare }' >"$work/bare"
[ ! -s "$work/bare" ] || fail "no licence of $(<"$work/bare")"
cd /

files=$(list | grep -c ' f$')
size=$(stat -c %s "$shmchan")
install --purge shmchan
list >"$work/after"
diff "$work/before" "$work/after" || fail "left behind"
[ -z "$(find "$root/var/lib/dpkg/info" -name 'shmchan*')" ] || fail "dpkg still knows it"
echo "deb-test: ${deb##*/}: $(stat -c %s "$deb") bytes, $files files, the command $size: installed, works, removed without a trace"
