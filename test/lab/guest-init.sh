#!/bin/busybox sh
# PID 1 of a QEMU guest of the tests: loads the modules, then runs the requests that come in by a virtio port. Not by a
# serial one: it loses what comes faster than it is read.
#
#   request   seconds that it may take; base64 of a shell script, in lines; a line with a dot ends it
#   answer    exit code; base64 of stdout, a line with a dot; base64 of stderr, a line with a dot
/bin/busybox mkdir -p /bin /sbin /proc /sys /dev /tmp /run/netns /root
/bin/busybox --install -s /bin
export PATH=/opt/bin:/bin HOME=/root XTABLES_LIBDIR=/opt/xtables
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mkdir -p /run/netns
hostname guest
ip link set lo up
while read -r module; do insmod "/modules/$module" || echo "cannot load $module"; done </modules/order

# The device file is there a little before it can be opened, and a failed exec would end PID 1.
until (: <>/dev/vport0p1) 2>/dev/null; do usleep 10000; done
exec 3<>/dev/vport0p1
echo ready >&3
while true; do
  # The other end is closed when the test has gone, however it ended.
  read -r seconds <&3 || poweroff -f
  : >/tmp/request
  while read -r line <&3 && [ "$line" != . ]; do echo "$line" >>/tmp/request; done
  # This shell would take its own, small ip.
  { echo 'ip() { /opt/bin/ip "$@"; }'; base64 -d /tmp/request; } >/tmp/script
  timeout -s KILL "$seconds" sh /tmp/script >/tmp/stdout 2>/tmp/stderr </dev/null 3>&-
  code=$?
  { echo $code; base64 /tmp/stdout; echo .; base64 /tmp/stderr; echo .; } >&3
done
