//! Rules about what a key may say, alone and together with others.

use super::{Rule, mistake, warning};

pub(super) const RULES: &[Rule] = &[
    mistake(
        "config::infra_type_missing",
        "No file says which kind of machine the project wants.",
        "Add the line `INFRA_TYPE=container` or `INFRA_TYPE=vm`.",
    ),
    mistake(
        "config::not_one_of",
        "The key takes one of a few words, and this is none of them.",
        "Write one of the words that the message lists.",
    ),
    mistake(
        "config::control_character",
        "The value has a character that would steer a terminal.",
        "Delete the character and type the value again.",
    ),
    mistake(
        "config::empty_item",
        "A list has two commas with nothing between.",
        "Delete the comma that is too many.",
    ),
    mistake(
        "config::not_a_number",
        "A whole number belongs here.",
        "Write digits alone, such as `2`.",
    ),
    mistake(
        "config::lookalike_digit",
        "A character looks like a digit and is one of another script.",
        "Type the number again with the digits 0 to 9.",
    ),
    mistake(
        "config::number_too_large",
        "The number is more than can be counted.",
        "Write a smaller number.",
    ),
    mistake(
        "config::not_a_size",
        "A whole number and a unit belong here.",
        "Write it as `4G` or `512M`; fractions are written in the smaller unit.",
    ),
    mistake(
        "config::unknown_unit",
        "The unit of a size is not known.",
        "Write M, MB, MiB, G, GB or GiB; all count in steps of 1024.",
    ),
    mistake(
        "config::size_too_large",
        "The size is more than can be counted.",
        "Write a smaller size.",
    ),
    mistake(
        "config::memory_too_small",
        "MEMORY is less than 512 MiB.",
        "Write 512M or more, or delete the line.",
    ),
    mistake("config::cpus_too_few", "CPUS is less than 1.", "Write 1 or more, or delete the line."),
    mistake(
        "config::disk_too_small",
        "DISK_SIZE is less than 5 GiB.",
        "Write 5G or more, or delete the line.",
    ),
    mistake(
        "config::timeout_out_of_range",
        "A timeout is not between 1 and 3600 seconds.",
        "Write a number of seconds in these bounds.",
    ),
    mistake(
        "config::bad_duration",
        "A span of time is a whole number and m, h or d, up to ten years.",
        "Write it as `30m`, `8h` or `2d`.",
    ),
    mistake(
        "config::bad_infra_id",
        "INFRA_ID is no hostname label, and the machine's host name is made of it.",
        "Write 1 to 63 lower-case letters, digits and hyphens, no hyphen first or last.",
    ),
    mistake(
        "config::no_infra_id",
        "The directory's name has no letter or digit that a name could be made of.",
        "Add a line such as `INFRA_ID=web`.",
    ),
    mistake(
        "config::provider_missing",
        "A vm can be run by several providers, and none is chosen.",
        "Add a line such as `PROVIDER=libvirt`.",
    ),
    mistake(
        "config::provider_of_other_type",
        "The provider runs the other kind of machine.",
        "Write a provider of this kind, or change INFRA_TYPE.",
    ),
    mistake(
        "config::vm_without_image",
        "Nothing says what the vm is made from.",
        "Add one of IMAGE, BOX, ISO and KERNEL.",
    ),
    mistake(
        "config::box_excludes",
        "A box brings its own disk, so IMAGE or ISO cannot be used beside it.",
        "Delete one of the two lines.",
    ),
    mistake(
        "config::kernel_missing",
        "INITRD and APPEND are handed to a kernel, and KERNEL names none.",
        "Add KERNEL, or delete the line.",
    ),
    mistake(
        "config::ssh_host_missing",
        "PROVIDER=ssh means a machine that exists, and none is named.",
        "Add a line such as `SSH_HOST=build.example.org`.",
    ),
    mistake(
        "config::bad_image_reference",
        "IMAGE is neither a registry reference nor a path or URL.",
        "Write a reference such as `docker.io/library/debian:12`; a file starts with `./`, `../`, `/` or `~/`.",
    ),
    mistake(
        "config::image_name_upper_case",
        "Registries know lower-case names only.",
        "Write the name in lower-case letters.",
    ),
    mistake(
        "config::bad_checksum",
        "What follows the `#` of an image is no SHA-256.",
        "Write `#sha256:` and 64 hexadecimal digits.",
    ),
    mistake(
        "config::bad_box",
        "BOX is not the name of a Vagrant box.",
        "Write `user/name`, with `@version` where one is meant.",
    ),
    mistake(
        "config::not_a_command",
        "The words of a command cannot be told apart: a quote stays open.",
        "Close the quote, or put a backslash before it.",
    ),
    mistake(
        "config::empty_command",
        "The command names no program.",
        "Write a program and its arguments, or `image`.",
    ),
    mistake(
        "config::not_an_address",
        "An IPv4 address belongs here.",
        "Write four numbers from 0 to 255 without leading zeros.",
    ),
    mistake(
        "config::address_is_ipv6",
        "The address is IPv6, which is not supported here.",
        "Write an IPv4 address.",
    ),
    mistake(
        "config::bad_prefix",
        "The network's prefix leaves no room for machines.",
        "Write a prefix from /8 to /30.",
    ),
    mistake(
        "config::address_not_usable",
        "No machine can have this address: it is reserved for something else.",
        "Write an address of a private network.",
    ),
    mistake(
        "config::address_not_a_host",
        "The address is the one of its whole network, or of everybody in it.",
        "Write an address between the first and the last of the network.",
    ),
    mistake(
        "config::address_is_gateway",
        "The machine would have the address of its own gateway.",
        "Write another address, or another GATEWAY.",
    ),
    mistake(
        "config::gateway_outside",
        "The gateway is no host of the machine's network.",
        "Write an address of the network of IP_ADDRESS.",
    ),
    mistake(
        "config::address_on_qemu",
        "QEMU's default network gives addresses out itself.",
        "Delete the line, or set NETWORK_MODE=bridge.",
    ),
    mistake(
        "config::not_a_mac_address",
        "A MAC address belongs here.",
        "Write six pairs of hexadecimal digits, such as `52:54:00:12:34:56`.",
    ),
    mistake(
        "config::mac_not_unicast",
        "The MAC address is that of a group, or of nobody.",
        "Let it start with `52:54:00`, or delete the line.",
    ),
    mistake(
        "config::bad_bridge",
        "BRIDGE is not the name of a network interface.",
        "Write the name as `ip link` shows it.",
    ),
    mistake(
        "config::unknown_bridge",
        "This host has no bridge of that name, and vagrantp makes none.",
        "Write one of those that the message lists.",
    ),
    mistake(
        "config::bridge_missing",
        "Bridge mode needs a bridge, and the host has none or several.",
        "Name one with BRIDGE, or set NETWORK_MODE=default.",
    ),
    mistake(
        "config::bridge_needs_address",
        "Nobody hands a container an address on a bridge.",
        "Add IP_ADDRESS with a free address of the bridge's network.",
    ),
    mistake(
        "config::bridge_needs_prefix",
        "The host is not in the address's network on that bridge, so its size is not known.",
        "Write IP_ADDRESS with its prefix, such as `192.168.1.50/24`.",
    ),
    mistake(
        "config::bridge_needs_gateway",
        "The host takes no way out on that bridge that the machine could take as well.",
        "Add GATEWAY with the router's address there.",
    ),
    mistake(
        "config::bridge_needs_dns",
        "The host asks only itself for names, which the machine cannot.",
        "Add DNS with a name server's address.",
    ),
    mistake(
        "config::not_a_port_rule",
        "PORTS is a list of host and guest ports.",
        "Write `8080:80`, or `auto:80` for a free port of the host.",
    ),
    mistake(
        "config::bad_bind_address",
        "What stands before the ports is no address to listen on.",
        "Write an IPv4 address, or an IPv6 address in brackets.",
    ),
    mistake(
        "config::bad_protocol",
        "Only TCP and UDP can be forwarded.",
        "Write `/tcp`, `/udp` or nothing after the ports.",
    ),
    mistake(
        "config::not_a_port",
        "A port belongs here.",
        "Write a number from 1 to 65535, or `auto` on the host's side of PORTS.",
    ),
    mistake(
        "config::port_out_of_range",
        "A port is not between 1 and 65535.",
        "Write a port in these bounds, or `auto` on the host's side.",
    ),
    mistake(
        "config::port_privileged",
        "Only root may listen on ports this low.",
        "Take a higher port, or `auto`.",
    ),
    mistake(
        "config::port_twice",
        "Two rules listen on the same address, port and protocol.",
        "Give one of them another host port, or `auto`.",
    ),
    mistake(
        "config::not_a_port_range",
        "A range of ports has a first and a last one.",
        "Write it as `8100-8900`.",
    ),
    mistake(
        "config::port_range_reversed",
        "A range of ports ends before it starts.",
        "Write the smaller port first.",
    ),
    mistake(
        "config::pool_too_small",
        "PORTS says `auto` more often than PORT_POOL has ports.",
        "Make the range larger.",
    ),
    mistake(
        "config::ssh_port_reserved",
        "A forwarded SSH port below 1024 belongs to the system.",
        "Write a port from 1024 on, or delete the line.",
    ),
    mistake(
        "config::not_a_mount",
        "MOUNTS is a list of host and guest directories.",
        "Write `.:/work`, with `:ro` where the guest may only read.",
    ),
    mistake(
        "config::bad_mount_option",
        "A mount knows `ro` and no other option.",
        "Write `:ro`, or nothing.",
    ),
    mistake(
        "config::bad_guest_path",
        "A mount needs an absolute path inside that is not `/` itself.",
        "Write a path such as `/work`.",
    ),
    mistake(
        "config::mount_twice",
        "Two directories would be mounted onto one.",
        "Give one of them another path inside.",
    ),
    mistake(
        "config::bad_user",
        "This cannot be the name of a user.",
        "Write lower-case letters, digits, `_` and `-`.",
    ),
    mistake(
        "config::bad_host",
        "This is neither a host's name nor an address.",
        "Write the name or address alone, without a user or port.",
    ),
    mistake(
        "config::bad_public_key",
        "A line is not a public SSH key of a known kind.",
        "Write the content of a `.pub` file, one key a line.",
    ),
    mistake(
        "config::bad_playbook_name",
        "No playbook that comes with vagrantp can have this name.",
        "Write lower-case letters, digits and hyphens after `vagrantp:`.",
    ),
    mistake(
        "config::bad_os",
        "REQUIRE_OS is a list of systems as os-release names them.",
        "Write `debian:12`, or `debian` for any version.",
    ),
    mistake(
        "config::bad_extra_vars",
        "These are no variables.",
        "Write `name=value` pairs with commas between, or a JSON object.",
    ),
    warning(
        "config::bare_disk_size",
        "A size of a disk has no unit, and is taken as GiB.",
        "Write the unit, such as `20G`.",
    ),
    warning(
        "config::unusual_size",
        "The vm has much less or more than vms usually have.",
        "Nothing, if it is meant.",
    ),
    warning(
        "config::unused_key",
        "The chosen provider has no use for the key.",
        "Delete the line; nothing changes by it.",
    ),
    warning(
        "config::without_effect",
        "The key means something only beside another, which is not there.",
        "Add the other key, or delete the line.",
    ),
    warning(
        "config::not_acted_on",
        "The key is read and checked, and this version does not act on it yet.",
        "Nothing; the line may stay.",
    ),
    warning(
        "config::image_is_also_file",
        "IMAGE is read as a registry reference, and a file of that name lies here.",
        "Write `./` in front if the file is meant.",
    ),
];
