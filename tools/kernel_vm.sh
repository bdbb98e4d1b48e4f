#!/usr/bin/env bash
# Runs a command as root on Debian's own cloud kernel, which has netem, in an emulated machine:
#     tools/kernel_vm.sh COMMAND...
# The guest's root is this machine's, read-only below an overlay in memory: whatever the command
# writes is gone afterwards. No network, one slow processor. Needs Debian 12 and root. Ends with the
# command's exit code, 124 when it took too long, 70 when the machine died before it.
set -euo pipefail
cd "$(dirname "$0")/.."

KERNEL=$PWD/build/kernel
IMAGE=linux-image-cloud-amd64
VIRTIOFSD=/usr/lib/qemu/virtiofsd
MEMORY_MB=1536
LIMIT_S=1200

say() { printf 'kernel_vm: %s\n' "$1" >&2; }

[ "$#" -gt 0 ] || { say "say what to run"; exit 64; }
[ "$(id -u)" -eq 0 ] || { say "run as root"; exit 1; }

install_emulator() {
    say "installing qemu-system-x86 and kmod"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        qemu-system-x86 kmod >/dev/null
}

# The kernel of Debian 12 itself cannot mount virtiofs without an initramfs; that of its backports
# can. They come from the mirror that this machine already uses, by a list of sources of our own.
list_backports() {
    local codename format
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    # shellcheck disable=SC2016
    format='$(CREATED_BY) $(RELEASE) $(COMPONENT) $(REPO_URI)'
    mkdir -p "$KERNEL/lists/partial"
    apt-get indextargets --format "$format" |
        awk -v name="$codename" -v keys=/usr/share/keyrings/debian-archive-keyring.gpg '
            $1 == "Packages" && $2 == name && $3 == "main" && !found++ {
                print "deb [signed-by=" keys "]", $4, name "-backports main" }' \
        >"$KERNEL/backports.list"
    [ -s "$KERNEL/backports.list" ] || { say "apt knows no mirror of $codename"; exit 1; }
    backports=(-o "Dir::Etc::SourceList=$KERNEL/backports.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$KERNEL/lists" -o APT::Sandbox::User=root)
    apt-get -qq "${backports[@]}" update
}

fetch_kernel() {
    local release
    list_backports
    release=$(apt-cache "${backports[@]}" depends "$IMAGE" |
        sed -n 's/^ *Depends: linux-image-//p' | head -n 1)
    say "fetching linux $release"
    (cd "$KERNEL" && apt-get -qq "${backports[@]}" download "linux-image-$release")
    dpkg -x "$KERNEL/linux-image-${release}"_*.deb "$KERNEL/tree"
    depmod -b "$KERNEL/tree" "$release"
    rm -rf "$KERNEL"/*.deb "$KERNEL/lists"
    echo "$release" >"$KERNEL/release"
}

has_emulator() {
    [ -x "$VIRTIOFSD" ] && command -v qemu-system-x86_64 >/dev/null && command -v depmod >/dev/null
}

has_emulator || install_emulator
[ -s "$KERNEL/release" ] || fetch_kernel

RELEASE=$(cat "$KERNEL/release")
RUN=$(mktemp -d)
started=()
end() {
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    rm -rf "$RUN"
}
trap end EXIT
mkdir "$RUN/root"

printf -v command ' %q' "$@"
cat >"$RUN/command" <<GUEST
cd $(printf %q "$PWD") && exec$command
GUEST

cat >"$RUN/init" <<GUEST
#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
modprobe -d "$KERNEL/tree" overlay
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
cd /mnt/root || exit
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t devtmpfs devtmpfs dev
mount -t tmpfs tmpfs run
mkdir -p usr/lib/modules
ln -sfn "$KERNEL/tree/lib/modules/$RELEASE" "usr/lib/modules/$RELEASE"
ln -sfn /proc/self/fd dev/fd
stty -F dev/hvc0 raw -echo
exec chroot . /bin/bash -c '
    ip link set lo up
    bash "$RUN/command" </dev/null >/dev/hvc0 2>&1
    echo \$? >/dev/ttyS1
    echo o >/proc/sysrq-trigger
    read -r -t 10 </dev/ttyS1'
GUEST
chmod +x "$RUN/init"

# Read-only already here, so that not even a guest gone wild can write.
# shellcheck disable=SC2016
unshare --mount bash -c '
    mount --rbind / "$1/root" && mount -o remount,bind,ro "$1/root" &&
        exec "$2" -f --socket-path="$1/socket" -o source="$1/root" -o sandbox=chroot -o cache=always
' serve "$RUN" "$VIRTIOFSD" >"$RUN/server.log" 2>&1 &
server=$!
started+=("$server")
for _ in $(seq 200); do
    [ -S "$RUN/socket" ] || ! kill -0 "$server" 2>/dev/null || { sleep 0.05; continue; }
    break
done
[ -S "$RUN/socket" ] || { cat "$RUN/server.log" >&2; say "virtiofsd did not start"; exit 70; }

# Without cx16, with one processor: what else QEMU 7.2 emulates makes this kernel crash at random.
result=0
timeout "$LIMIT_S" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max,-cx16 -smp 1 \
    -m "$MEMORY_MB" -object "memory-backend-memfd,id=memory,size=${MEMORY_MB}M,share=on" \
    -numa node,memdev=memory -nodefaults -no-user-config -display none -no-reboot \
    -chardev "socket,id=root,path=$RUN/socket" -device vhost-user-fs-pci,chardev=root,tag=root \
    -kernel "$KERNEL/tree/boot/vmlinuz-$RELEASE" \
    -append "console=ttyS0 quiet panic=-1 root=root rootfstype=virtiofs ro init=$RUN/init" \
    -serial "file:$RUN/console" -serial "file:$RUN/result" -device virtio-serial-pci \
    -chardev stdio,id=output,signal=off -device virtconsole,chardev=output </dev/null &
started+=("$!")
wait "$!" || result=$?
[ "$result" -ne 124 ] || { say "not done within $LIMIT_S s"; exit 124; }
result=$(tr -dc 0-9 <"$RUN/result")
[ -n "$result" ] || { tail -n 20 "$RUN/console" >&2; say "the machine died"; exit 70; }
exit "$result"
