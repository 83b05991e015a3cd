//! With the real qemu-img, where it is installed.

use std::fs;
use std::path::PathBuf;

use super::super::{create_blank, create_overlay, grow};
use super::*;
use crate::exec::Program;

const GIB: u64 = 1 << 30;
const WANTED: Wanted<'static> = Wanted { disk_size: 5 * GIB, architecture: "x86_64" };

struct Place {
    dir: tempfile::TempDir,
    tool: Tool,
    program: Program,
}

impl Place {
    fn new() -> Option<Place> {
        let path = Some("/usr/bin:/bin:/usr/local/bin");
        let Ok(program) = Program::find("qemu-img", path) else {
            crate::guest::tests::skipped("qemu-img is not installed");
            return None;
        };
        let tool = Tool::find(path).unwrap();
        Some(Place { dir: tempfile::tempdir().unwrap(), tool, program })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A raw disk of 4 MiB that begins like this.
    fn raw(&self, name: &str, head: &[u8]) -> PathBuf {
        let path = self.at(name);
        let mut disk = head.to_vec();
        disk.resize(4 << 20, 0);
        fs::write(&path, disk).unwrap();
        path
    }

    async fn img(&self, arguments: &[&str]) {
        self.program.run(arguments).await.unwrap();
    }

    async fn examine(&self, path: &Path) -> Result<Examined, DiskError> {
        examine(&self.tool, path, WANTED).await
    }
}

fn bootable() -> Vec<u8> {
    super::gpt::tests::disk(&[("4f68bce3-e8cd-4db1-96e7-fbcaf984b709", 2048, 4095)])
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn images_that_are_whole_are_taken() {
    let Some(place) = Place::new() else { return };
    let raw = place.raw("a", &bootable());
    let taken = place.examine(&raw).await.unwrap();
    assert_eq!((taken.format, taken.virtual_size), (Format::Raw, 4 << 20));
    let qcow2 = place.at("b, it's: mine");
    place.img(&["convert", "-c", "-O", "qcow2", text(&raw), text(&qcow2)]).await;
    let taken = place.examine(&qcow2).await.unwrap();
    assert_eq!((taken.format, taken.virtual_size), (Format::Qcow2, 4 << 20));
}

#[tokio::test]
async fn an_image_that_reads_another_file_is_refused() {
    let Some(place) = Place::new() else { return };
    let raw = place.raw("secret", &bootable());
    let (backed, data) = (place.at("backed"), place.at("data"));
    place.img(&["create", "-q", "-f", "qcow2", "-F", "raw", "-b", text(&raw), text(&backed)]).await;
    match place.examine(&backed).await {
        Err(DiskError::ReadsAnother { other, .. }) => {
            assert_eq!(other, format!("the backing file {}", raw.display()));
        }
        other => panic!("{other:?}"),
    }
    let option = format!("data_file={}", place.at("extern").display());
    place.img(&["create", "-q", "-f", "qcow2", "-o", &option, text(&data), "1M"]).await;
    let found = place.examine(&data).await;
    assert!(matches!(found, Err(DiskError::ReadsAnother { .. })), "{found:?}");
}

#[tokio::test]
async fn what_is_cut_off_locked_or_too_large_is_refused() {
    let Some(place) = Place::new() else { return };
    let mut head = bootable();
    head.resize(4 << 20, 0x5a);
    let raw = place.raw("raw", &head);
    let whole = place.at("whole");
    place.img(&["convert", "-O", "qcow2", text(&raw), text(&whole)]).await;
    let bytes = fs::read(&whole).unwrap();
    for part in [bytes.len() / 2, bytes.len() - (1 << 20), 0x20000, 200] {
        fs::write(place.at("cut"), &bytes[..part]).unwrap();
        let found = place.examine(&place.at("cut")).await;
        assert!(matches!(found, Err(DiskError::Truncated { .. })), "{part}: {found:?}");
    }
    let cut = place.at("cut raw");
    fs::write(&cut, &head[..1 << 20]).unwrap();
    assert!(matches!(place.examine(&cut).await, Err(DiskError::Truncated { .. })));
    let large = place.at("large");
    place.img(&["create", "-q", "-f", "qcow2", text(&large), "6G"]).await;
    match place.examine(&large).await {
        Err(DiskError::LargerThanDisk { size, wanted, help, .. }) => {
            assert_eq!((size.as_str(), wanted.as_str()), ("6 GiB", "5 GiB"));
            assert_eq!(help, "write DISK_SIZE=6G or more");
        }
        other => panic!("{other:?}"),
    }
    let secret = "secret,id=s,data=x";
    let options = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";
    let locked = place.at("locked");
    let create = ["create", "-q", "--object", secret, "-f", "qcow2", "-o", options];
    place.img(&[&create[..], &[text(&locked), "1M"]].concat()).await;
    assert!(matches!(place.examine(&locked).await, Err(DiskError::Encrypted { .. })));
}

#[tokio::test]
async fn what_is_for_another_processor_is_refused() {
    let Some(place) = Place::new() else { return };
    let arm = super::gpt::tests::disk(&[("b921b045-1df0-41c3-af44-4c6f280d3fae", 2048, 4095)]);
    let raw = place.raw("arm", &arm);
    let qcow2 = place.at("arm.qcow2");
    place.img(&["convert", "-O", "qcow2", text(&raw), text(&qcow2)]).await;
    for path in [&raw, &qcow2] {
        match place.examine(path).await {
            Err(DiskError::WrongArchitecture { found, host, .. }) => {
                assert_eq!((found.as_str(), host.as_str()), ("aarch64", "x86_64"));
            }
            other => panic!("{other:?}"),
        }
    }
    // By the boot files of the system partition, where no other partition says it.
    let mut part = Cursor::new(vec![0; 1 << 20]);
    fatfs::format_volume(&mut part, fatfs::FormatVolumeOptions::new()).unwrap();
    part.seek(SeekFrom::Start(0)).unwrap();
    let system = fatfs::FileSystem::new(&mut part, fatfs::FsOptions::new()).unwrap();
    system.root_dir().create_dir("EFI").unwrap().create_dir("BOOT").unwrap();
    system.root_dir().create_file("EFI/BOOT/BOOTAA64.EFI").unwrap();
    drop(system);
    let system = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
    let mut disk = super::gpt::tests::disk(&[(system, 2048, 4095)]);
    disk.resize(1 << 20, 0);
    disk.extend(part.into_inner());
    let raw = place.raw("by boot file", &disk);
    assert!(matches!(place.examine(&raw).await, Err(DiskError::WrongArchitecture { .. })));
}

#[tokio::test]
async fn disks_are_made_of_images_and_only_grow() {
    use std::os::unix::fs::PermissionsExt;
    let Some(place) = Place::new() else { return };
    let image = place.raw("image", &bootable());
    let (disk, blank) = (place.at("disk.qcow2"), place.at("blank.qcow2"));
    create_overlay(&place.tool, &disk, &image, Format::Raw, GIB).await.unwrap();
    let info = place.tool.info(&disk, Format::Qcow2).await.unwrap();
    assert_eq!(info.virtual_size, GIB);
    assert_eq!(info.backing_filename.as_deref(), image.to_str());
    assert_eq!(fs::metadata(&disk).unwrap().permissions().mode() & 0o777, 0o600);
    create_blank(&place.tool, &blank, GIB).await.unwrap();
    assert!(place.tool.info(&blank, Format::Qcow2).await.unwrap().actual_size < 16 << 20);
    assert!(!grow(&place.tool, &disk, GIB).await.unwrap());
    assert!(grow(&place.tool, &disk, 2 * GIB).await.unwrap());
    let smaller = grow(&place.tool, &disk, GIB).await;
    assert!(matches!(smaller, Err(DiskError::Shrinks { .. })), "{smaller:?}");
    let (x, gone) = (place.at("x"), place.at("gone"));
    let failed = create_overlay(&place.tool, &x, &gone, Format::Raw, 1).await;
    assert!(matches!(failed, Err(DiskError::Tool { .. })), "{failed:?}");
    let names = fs::read_dir(place.dir.path()).unwrap().map(|e| e.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
}

#[tokio::test]
async fn what_is_no_image_is_told_what_it_is() {
    let Some(place) = Place::new() else { return };
    let refused = async |name: &str, content: &[u8]| {
        fs::write(place.at(name), content).unwrap();
        place.examine(&place.at(name)).await.expect_err(name).to_string()
    };
    assert!(refused("page", b"<html>404").await.ends_with("is no disk image: it is a web page"));
    assert!(refused("packed", b"\xfd7zXZ\0").await.ends_with("it is compressed"));
    assert!(refused("vmdk", b"KDMV").await.contains("of the kind VMDK"));
    assert!(place.examine(place.dir.path()).await.is_err());
    let missing = place.examine(&place.at("gone")).await;
    assert!(matches!(missing, Err(DiskError::Io { .. })));
}

#[tokio::test]
async fn installers_and_kernels_are_looked_at_too() {
    let Some(place) = Place::new() else { return };
    let path = Some("/usr/bin:/bin");
    let tree = place.at("tree");
    fs::create_dir_all(tree.join("EFI/BOOT")).unwrap();
    fs::write(tree.join("EFI/BOOT/BOOTAA64.EFI"), "x").unwrap();
    if let Ok(program) = Program::find("genisoimage", path) {
        let iso = place.at("arm.iso");
        program.run(&["-quiet", "-o", text(&iso), text(&tree)]).await.unwrap();
        let found = examine_iso(&iso, "x86_64");
        assert!(matches!(found, Err(DiskError::WrongArchitecture { .. })), "{found:?}");
        examine_iso(&iso, "aarch64").unwrap();
        let bytes = fs::read(&iso).unwrap();
        fs::write(&iso, &bytes[..bytes.len() / 2]).unwrap();
        let cut = examine_iso(&iso, "aarch64");
        assert!(matches!(cut, Err(DiskError::Truncated { .. })), "{cut:?}");
        assert!(place.examine(&iso).await.is_err(), "an ISO is no disk");
    } else {
        crate::guest::tests::skipped("genisoimage is not installed");
    }
    let disk = place.raw("disk", &bootable());
    let said = examine_iso(&disk, "x86_64").unwrap_err();
    assert!(said.to_string().ends_with("it is a disk"), "{said}");
    let kernel = place.raw("kernel", &[&[0; 56][..], b"ARM\x64"].concat());
    assert!(matches!(
        examine_kernel(&kernel, "x86_64"),
        Err(DiskError::WrongArchitecture { field: "KERNEL", .. })
    ));
    examine_kernel(&kernel, "aarch64").unwrap();
    examine_kernel(&disk, "x86_64").unwrap();
}
