#!/bin/sh
# Makes the Debian packages out of an installed tree:
#
#     packaging/deb.sh STAGE VERSION SONAME OUT
#
# STAGE is what "make install DESTDIR=STAGE PREFIX=/usr" with Debian's library
# directory made; OUT receives libwskt0.1_..., named after the soname, and
# libwskt-dev_.... DEBFULLNAME and DEBEMAIL name the maintainer (else it is whoever
# runs this), and SOURCE_DATE_EPOCH is honoured. "make deb" calls it; it needs dpkg-dev.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
stage=$1 version=$2 soname=$3 out=$4
abi=${soname#libwskt.so.}
revision=$version-1
libdir=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
date=$(date -u -R ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"})
maintainer="${DEBFULLNAME:-The wskt contributors} <${DEBEMAIL:-$(id -un)@$(uname -n)}>"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/debian" "$out"
cd "$work"

# What libwskt.a wants at link time is what its .pc file requires.
needs=
if grep -q '^Requires:.*openssl' "$stage/$libdir/pkgconfig/wskt-static.pc"; then
    needs=", libssl-dev"
fi
sed -e "s|@ABI@|$abi|" -e "s|@MAINTAINER@|$maintainer|" -e "s|@DEV_DEPENDS@|$needs|" \
    "$here/debian/control" >debian/control
cat >debian/changelog <<END
wskt ($revision) unstable; urgency=medium

  * See /usr/share/doc/libwskt$abi/changelog.gz.

 -- $maintainer  $date
END

# The files of both packages.
library=$work/libwskt$abi
dev=$work/libwskt-dev
mkdir -p "$library/$libdir" "$dev/$libdir"
cp -a "$stage/$libdir/libwskt.so.$version" "$stage/$libdir/$soname" "$library/$libdir"
cp -a "$stage/usr/." "$dev/usr"
rm "$dev/$libdir/libwskt.so.$version" "$dev/$libdir/$soname"
strip --strip-debug --enable-deterministic-archives "$dev/$libdir/libwskt.a"
find "$dev" -path '*/man/*' -type f -exec gzip -9n {} +

pack() { # PACKAGE ROOT
    doc=$2/usr/share/doc/$1
    mkdir -p "$2/DEBIAN" "$doc"
    cp "$here/debian/copyright" "$doc/copyright"
    gzip -9nc "$here/../CHANGELOG.md" >"$doc/changelog.gz"
    gzip -9nc debian/changelog >"$doc/changelog.Debian.gz"
    find "$2" -type d -exec chmod 755 {} +
    find "$2" -type f -exec chmod 644 {} +
    (cd "$2" && find usr -type f -printf '%P\0' | LC_ALL=C sort -z |
        (cd usr && xargs -0 md5sum) | sed 's|  |  usr/|' >DEBIAN/md5sums)
    dpkg-gencontrol -p"$1" -P"$2" -n"$1_$revision.deb" -Tdebian/$1.substvars
    dpkg-deb --root-owner-group --build "$2" "$out" >/dev/null
}

mkdir -p "$library/DEBIAN"
echo "libwskt $abi libwskt$abi (>= $version)" >"$library/DEBIAN/shlibs"
echo "activate-noawait ldconfig" >"$library/DEBIAN/triggers"
dpkg-gensymbols -p"libwskt$abi" -v"$version" -P"$library" -O"$library/DEBIAN/symbols" >/dev/null
dpkg-shlibdeps -T"debian/libwskt$abi.substvars" -e"$library/$libdir/libwskt.so.$version"
: >debian/libwskt-dev.substvars

pack "libwskt$abi" "$library"
pack libwskt-dev "$dev"
ls -1 "$out"/libwskt*.deb
