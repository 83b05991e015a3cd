//! For which processor a kernel was built, by its header.

use super::header::le32;

/// What a kernel's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelArch {
    /// Built for this processor, by the name that Rust has for it.
    Known(&'static str),
    /// It may be anything.
    Unknown,
}

/// Enough of a kernel's beginning.
pub(super) const HEAD: usize = 4096;

/// Reads the header of a kernel: a bzImage, an Image, or a program.
#[must_use]
pub fn kernel_architecture(head: &[u8]) -> KernelArch {
    let at =
        |from: usize, magic: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(magic));
    let half = |from: usize| {
        head.get(from..from + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
    };
    let known = if at(0x202, b"HdrS") {
        // XLF_KERNEL_64, which is there from version 2.12 of the boot protocol on.
        let is_64 = half(0x206) < 0x20c || half(0x236) & 1 != 0;
        if is_64 { "x86_64" } else { "x86" }
    } else if at(56, b"ARM\x64") {
        "aarch64"
    } else if at(56, b"RSC\x05") {
        "riscv64"
    } else if at(0x24, b"\x18\x28\x6f\x01") {
        "arm"
    } else if at(0, b"\x7fELF") {
        match half(18) {
            3 => "x86",
            40 => "arm",
            62 => "x86_64",
            183 => "aarch64",
            243 => "riscv64",
            _ => return KernelArch::Unknown,
        }
    } else if at(0, b"MZ") {
        // A program for EFI, such as a kernel that unpacks itself.
        let header = le32(head, 0x3c) as usize;
        if !at(header, b"PE\0\0") {
            return KernelArch::Unknown;
        }
        match half(header + 4) {
            0x8664 => "x86_64",
            0xaa64 => "aarch64",
            0x5064 => "riscv64",
            _ => return KernelArch::Unknown,
        }
    } else {
        return KernelArch::Unknown;
    };
    KernelArch::Known(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(parts: &[(usize, &[u8])]) -> KernelArch {
        let mut head = vec![0; HEAD];
        for (at, bytes) in parts {
            head[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        kernel_architecture(&head)
    }

    #[test]
    fn a_kernel_is_known_by_its_header() {
        let pc: &[(usize, &[u8])] = &[(0, b"MZ"), (0x202, b"HdrS\x0f\x02"), (0x236, b"\x01")];
        assert_eq!(with(pc), KernelArch::Known("x86_64"));
        assert_eq!(with(&pc[..2]), KernelArch::Known("x86"));
        assert_eq!(with(&[(0, b"MZ"), (56, b"ARM\x64")]), KernelArch::Known("aarch64"));
        assert_eq!(
            with(&[(0, b"MZ"), (0x3c, b"\x80"), (0x80, b"PE\0\0\x64\xaa")]),
            KernelArch::Known("aarch64")
        );
        assert_eq!(with(&[(0, b"\x7fELF"), (18, b"\x3e")]), KernelArch::Known("x86_64"));
        assert_eq!(with(&[(0, b"MZ")]), KernelArch::Unknown);
        assert_eq!(with(&[(0, b"\x1f\x8b")]), KernelArch::Unknown);
        assert_eq!(with(&[]), KernelArch::Unknown);
        assert_eq!(kernel_architecture(b"MZ"), KernelArch::Unknown);
    }
}
