//! Rules about what virtual machines are made of.

use super::{Rule, failure, mistake};
use crate::model::code::Code;

pub(super) const RULES: &[Rule] = &[
    failure(
        "guest::bad_key",
        &[Code::InvalidState],
        "A file that holds a key of the machine's is damaged.",
        "Put it back from a backup, or make the machine anew with `vagrantp up --recreate`.",
    ),
    failure(
        "guest::key_io",
        &[Code::PermissionDenied],
        "A key of the machine's cannot be read or written.",
        "See who owns the directory and whether its disk is full.",
    ),
    mistake(
        "guest::cloud_init_not_yaml",
        "The file of CLOUD_INIT is no YAML.",
        "Correct the line; `cloud-init schema --config-file FILE` checks the whole of it.",
    ),
    mistake(
        "guest::cloud_init_not_config",
        "The file of CLOUD_INIT is none of cloud-config: a script, or a list.",
        "Write a mapping of YAML that starts with `#cloud-config`; scripts go under `runcmd`.",
    ),
    mistake(
        "guest::cloud_init_locks_out",
        "Something in the file of CLOUD_INIT would keep vagrantp from logging in.",
        "Delete the key that the message names.",
    ),
    mistake(
        "guest::seed_too_large",
        "What the guest is to be told is larger than any guest takes.",
        "Move what is large out of the file of CLOUD_INIT.",
    ),
    failure(
        "guest::seed_io",
        &[Code::CreateFailed],
        "The seed cannot be written.",
        "See who owns the directory and whether its disk is full.",
    ),
    failure(
        "disk::not_an_image",
        &[Code::ImageUnavailable],
        "The file is no disk image, or no installer.",
        "Name a qcow2 or raw image; what is compressed is unpacked first.",
    ),
    failure(
        "disk::other_format",
        &[Code::ImageUnavailable],
        "The image is of a kind that is not taken.",
        "Turn it into qcow2 with `qemu-img convert`.",
    ),
    failure(
        "disk::truncated",
        &[Code::ImageUnavailable],
        "A part of the image is missing.",
        "Fetch or copy it again.",
    ),
    failure(
        "disk::damaged",
        &[Code::ImageUnavailable],
        "The image is damaged inside.",
        "Fetch or copy it again; `qemu-img check` says more.",
    ),
    failure(
        "disk::reads_another_file",
        &[Code::ImageUnavailable],
        "The image has a backing file or a data file, which the machine would read from this host.",
        "Make one whole image with `qemu-img convert`, where it is to be trusted.",
    ),
    failure(
        "disk::encrypted",
        &[Code::ImageUnavailable],
        "The image is encrypted.",
        "Decrypt it with `qemu-img convert`.",
    ),
    failure(
        "disk::larger_than_disk_size",
        &[Code::ConfigInvalid],
        "The image is larger than DISK_SIZE.",
        "Write at least the image's size into DISK_SIZE.",
    ),
    failure(
        "disk::wrong_architecture",
        &[Code::ImageUnavailable],
        "The image, installer or kernel is made for another processor.",
        "Take the one for this host's.",
    ),
    failure(
        "disk::shrinks",
        &[Code::ConfigInvalid],
        "DISK_SIZE is less than the disk has.",
        "A disk never becomes smaller; write at least what it has.",
    ),
    failure(
        "disk::no_qemu_img",
        &[Code::DependencyMissing],
        "The program qemu-img is not installed.",
        "Install the package that the message names.",
    ),
    failure(
        "disk::tool_failed",
        &[Code::CreateFailed],
        "qemu-img did not do what it was told.",
        "Read what it said; see whether the disk is full.",
    ),
    failure(
        "disk::io",
        &[Code::ImageUnavailable, Code::CreateFailed],
        "A disk or an image cannot be read or written.",
        "See who may read it, and whether the disk is full.",
    ),
    failure(
        "boot::ended",
        &[Code::BootFailed],
        "The machine ended while it was waited for.",
        "Its console's last lines say why; `vagrantp logs` shows all of them.",
    ),
    failure(
        "boot::kernel_panic",
        &[Code::BootFailed],
        "The machine's kernel gave up.",
        "Correct KERNEL, INITRD and APPEND, or take another IMAGE or more MEMORY.",
    ),
    failure(
        "boot::no_system",
        &[Code::BootFailed],
        "The machine found no system to start.",
        "See whether FIRMWARE fits the image, and whether it has a boot loader.",
    ),
    failure(
        "boot::no_address",
        &[Code::BootFailed],
        "The machine got no address.",
        "See at its console whether its network device is up, or write IP_ADDRESS.",
    ),
    failure(
        "boot::no_answer",
        &[Code::BootFailed],
        "Nothing comes back from the machine.",
        "Give it longer with BOOT_TIMEOUT; see at its console for a firewall.",
    ),
    failure(
        "boot::refused",
        &[Code::BootFailed],
        "No SSH server listens in the machine.",
        "Install one in the image, or write WAIT_FOR=boot.",
    ),
    failure(
        "boot::no_banner",
        &[Code::BootFailed],
        "What listens on the machine's SSH port is no SSH server.",
        "Have the SSH server listen on port 22.",
    ),
    failure(
        "boot::other_host_key",
        &[Code::BootFailed],
        "The machine shows another host key than it was given.",
        "Take an image with cloud-init, or write WAIT_FOR=boot.",
    ),
    failure(
        "boot::key_refused",
        &[Code::BootFailed],
        "The machine does not let the user in.",
        "Look at SSH_USER, SSH_KEY and SSH_AUTHORIZED_KEYS.",
    ),
    failure(
        "boot::login_failed",
        &[Code::BootFailed],
        "The login does not lead to a shell.",
        "Try it with `vagrantp ssh -- -v`.",
    ),
    failure(
        "boot::cloud_init_failed",
        &[Code::BootFailed],
        "cloud-init ended with errors.",
        "See what `cloud-init status --long` says inside, and correct CLOUD_INIT.",
    ),
    failure(
        "boot::cloud_init_unfinished",
        &[Code::BootFailed],
        "cloud-init was not done in time.",
        "Write a longer BOOT_TIMEOUT.",
    ),
];
