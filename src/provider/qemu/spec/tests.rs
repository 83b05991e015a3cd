use super::*;
use crate::model::mount::Mount;
use crate::provider::qemu::fixture;

fn rendered(definition: &Definition, change: impl FnOnce(&mut Surroundings<'_>)) -> String {
    let place = Place::new("/d".into(), "/r".into());
    let mut around = fixture::surroundings(&place);
    change(&mut around);
    let lines = arguments(definition, &around).into_iter().map(|argument| {
        let argument = argument.into_string().expect("text");
        if argument.starts_with('-') { format!("\n{argument}") } else { format!(" {argument}") }
    });
    lines.collect::<String>().trim_start().to_owned()
}

#[test]
fn a_small_machine() {
    insta::assert_snapshot!(rendered(&fixture::definition(), |_| {}), @r"
    -nodefaults
    -no-user-config
    -name guest=web
    -uuid c0ca4d0b-af5d-5600-a65a-7082554cb3e4
    -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
    -machine pc-q35-10.0,accel=tcg
    -cpu max
    -m size=1024M
    -smp cpus=2
    -rtc base=utc,clock=host
    -boot strict=on
    -device virtio-rng-pci
    -device virtio-balloon-pci,free-page-reporting=on
    -device pvpanic-pci
    -action panic=pause
    -chardev socket,id=serial,path=/r/serial,server=on,wait=off,logfile=/d/serial.log,logappend=on
    -serial chardev:serial
    -device virtio-serial-pci
    -chardev socket,id=agent,path=/r/agent,server=on,wait=off
    -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0
    -chardev socket,id=control,path=/r/control,server=on,wait=off
    -mon chardev=control,mode=control
    -chardev socket,id=look,path=/r/look,server=on,wait=off
    -mon chardev=look,mode=control
    -blockdev driver=qcow2,node-name=disk,read-only=off,file.driver=file,file.filename=/d/disk.qcow2,discard=unmap,detect-zeroes=unmap
    -device virtio-blk-pci,drive=disk,id=disk0,bootindex=1
    -blockdev driver=raw,node-name=seed,read-only=on,file.driver=file,file.filename=/d/seed.img
    -device virtio-blk-pci,drive=seed,id=seed0
    -netdev user,id=net0,hostname=web,hostfwd=tcp:127.0.0.1:22220-:22,hostfwd=tcp:127.0.0.1:8080-:80
    -device virtio-net-pci,netdev=net0,mac=72:82:55:4c:b3:e4,romfile=
    -display none
    -msg timestamp=on
    ");
}

#[test]
fn each_key_of_a_vm_has_its_argument() {
    let mut definition = fixture::definition();
    definition.uefi = Some(crate::provider::qemu::definition::Uefi {
        code: "/u/code,a.fd".into(),
        template: "/u/vars.fd".into(),
    });
    let vm = definition.vm_mut();
    vm.iso = Some("/i/a,b.iso".into());
    vm.kernel = Some("/k/vmlinuz".into());
    vm.initrd = Some("/k/initrd".into());
    vm.append = Some("console=ttyS0,115200 quiet".to_owned());
    vm.display = DisplayMode::Spice;
    vm.bridge = Some("br0".to_owned());
    vm.qemu_args = vec!["-sandbox".to_owned(), "off".to_owned()];
    definition.spec.mounts = vec![
        Mount { guest: "/work".into(), host: "/p,x".into(), access: MountAccess::ReadWrite },
        Mount {
            guest: "/work/.env".into(),
            host: "/p,x/.env".into(),
            access: MountAccess::ReadOnly,
        },
        Mount { guest: "/ro".into(), host: "/ro".into(), access: MountAccess::ReadOnly },
    ];
    let whole = rendered(&definition, |around| around.beginning = Beginning::Memory);
    assert!(!whole.contains("obsolete=deny"), "QEMU_ARGS has a sandbox of its own");
    let from = whole.find("-rtc").expect("it is there");
    insta::assert_snapshot!(&whole[from..], @r"
    -rtc base=utc,clock=host
    -boot strict=on
    -blockdev driver=raw,node-name=uefi,read-only=on,file.driver=file,file.filename=/u/code,,a.fd
    -blockdev driver=raw,node-name=nvram,read-only=off,file.driver=file,file.filename=/d/nvram.fd
    -machine pflash0=uefi,pflash1=nvram
    -kernel /k/vmlinuz
    -initrd /k/initrd
    -append console=ttyS0,115200 quiet
    -device virtio-rng-pci
    -device virtio-balloon-pci,free-page-reporting=on
    -device pvpanic-pci
    -action panic=pause
    -chardev socket,id=serial,path=/r/serial,server=on,wait=off,logfile=/d/serial.log,logappend=on
    -serial chardev:serial
    -device virtio-serial-pci
    -chardev socket,id=agent,path=/r/agent,server=on,wait=off
    -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0
    -chardev socket,id=control,path=/r/control,server=on,wait=off
    -mon chardev=control,mode=control
    -chardev socket,id=look,path=/r/look,server=on,wait=off
    -mon chardev=look,mode=control
    -blockdev driver=qcow2,node-name=disk,read-only=off,file.driver=file,file.filename=/d/disk.qcow2,discard=unmap,detect-zeroes=unmap
    -device virtio-blk-pci,drive=disk,id=disk0,bootindex=1
    -blockdev driver=raw,node-name=seed,read-only=on,file.driver=file,file.filename=/d/seed.img
    -device virtio-blk-pci,drive=seed,id=seed0
    -blockdev driver=raw,node-name=iso,read-only=on,file.driver=file,file.filename=/i/a,,b.iso
    -device ide-cd,drive=iso,bus=ide.0,id=iso0,bootindex=2
    -netdev tap,id=net0,fd=3
    -device virtio-net-pci,netdev=net0,mac=72:82:55:4c:b3:e4,romfile=
    -fsdev local,id=vagrantp0,path=/p,,x,security_model=none,multidevs=remap
    -device virtio-9p-pci,fsdev=vagrantp0,mount_tag=vagrantp0
    -fsdev local,id=vagrantp1,path=/ro,security_model=none,multidevs=remap,readonly=on
    -device virtio-9p-pci,fsdev=vagrantp1,mount_tag=vagrantp1
    -device virtio-vga
    -device qemu-xhci
    -device usb-kbd
    -device usb-tablet
    -display none
    -spice unix=on,addr=/r/spice,disable-ticketing=on
    -chardev spicevmc,id=vdagent,name=vdagent
    -device virtserialport,chardev=vdagent,name=com.redhat.spice.0
    -S
    -incoming defer
    -msg timestamp=on
    -sandbox off
    ");
    let unguarded = rendered(&definition, |around| around.can_guard = false);
    assert!(unguarded.contains("path=/p,,x,security_model=none,multidevs=remap,readonly=on"));
    let virtiofs = rendered(&definition, |around| {
        around.sharing = Sharing::Virtiofs;
        around.acceleration = Acceleration::Kvm;
    });
    for part in [
        "-object memory-backend-memfd,id=ram,size=1024M,share=on",
        "-machine pc-q35-10.0,accel=kvm,memory-backend=ram",
        "-cpu host",
        "-chardev socket,id=vagrantp1,path=/r/fs1",
        "-device vhost-user-fs-pci,chardev=vagrantp1,tag=vagrantp1",
    ] {
        assert!(virtiofs.contains(part), "{part}: {virtiofs}");
    }
}
