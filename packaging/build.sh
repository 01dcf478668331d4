#!/usr/bin/env bash
# build.sh NFPM DIR: builds DIR/shmchan_VERSION_ARCH.deb, the same bytes from the
# same commit. VERSION is that of the last tag, unless it is given; GOARCH is obeyed.
set -euo pipefail

nfpm=$(realpath "$1")
mkdir -p "$2"
dir=$(realpath "$2")
cd "$(dirname "$0")/.."
go=${GO:-go}

VERSION=${VERSION:-$(git describe --tags --match 'v*' 2>/dev/null || echo v0.0.0-devel)}
ARCH=${GOARCH:-$("$go" env GOARCH)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export VERSION ARCH SOURCE_DATE_EPOCH

stage=$dir/stage
rm -rf "$stage" "$dir"/shmchan_*.deb
mkdir -p "$stage/doc"

# One for here, which writes the pages and completions, and one for the package.
env -u GOARCH -u GOOS make --no-print-directory install bin="$stage/here" PREFIX= DESTDIR="$stage/root" >/dev/null
CGO_ENABLED=0 GOOS=linux GOARCH=$ARCH "$go" build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" \
	-o "$stage/root/bin/shmchan" ./cmd/shmchan
gzip -9n "$stage"/root/share/man/man1/*.1

cp packaging/copyright README.md "$stage/doc"
cp docs/cli.md docs/recipes.md docs/bench.md "$stage/doc"
gzip -9n <CHANGELOG.md >"$stage/doc/changelog.gz"
# Every module that is linked, with the licence that wants to go with it.
"$go" version -m "$stage/root/bin/shmchan" | awk '$1 == "dep" { print $2 "@" $3 }' | while read -r module; do
	source=$("$go" list -m -f '{{.Dir}}' "${module%@*}")
	echo "== $module"
	find "$source" -maxdepth 1 -type f -iregex '.*/\(licen[cs]e\|copying\|notice\|patents\)[^/]*' -print0 | sort -z | xargs -0 --no-run-if-empty cat
done | gzip -9n >"$stage/doc/licences.gz"

cd "$stage"
"$nfpm" package --config "$OLDPWD/packaging/nfpm.yaml" --packager deb --target "$dir" >&2
ls "$dir"/shmchan_*.deb
