//! The documented exit statuses, and the one match that assigns them.

use crate::model::code::Code;
use crate::model::problem::Problem;

/// Done, or nothing to do.
pub const SUCCESS: u8 = 0;
/// `plan --exit-code` found something to do.
pub const SOMETHING_TO_DO: u8 = 20;
/// What `ssh` exits with where the failure is ours and not the command's, as OpenSSH does.
pub const SSH_FAILURE: u8 = 255;

/// The exit status of a failure with this code. A signal's own status is 128 plus its number and
/// is not decided here; [`Code::Interrupted`] stands for SIGINT.
#[must_use]
pub fn status(code: Code) -> u8 {
    match code {
        Code::InfraNotFound
        | Code::InfraNotRunning
        | Code::InvalidState
        | Code::SshConnectionFailed
        | Code::BootFailed
        | Code::NetworkFailed
        | Code::CreateFailed
        | Code::ImageUnavailable
        | Code::SnapshotNotFound
        | Code::SnapshotExists
        | Code::ConfirmationRequired
        | Code::PermissionDenied
        | Code::Internal => 1,
        Code::ConfigMissing | Code::ConfigInvalid | Code::Unsupported | Code::Usage => 2,
        Code::InfraExists | Code::RecreateRequired | Code::RestartRequired => 3,
        Code::InsufficientResources => 4,
        Code::ProviderNotAvailable | Code::DependencyMissing => 5,
        Code::PortConflict | Code::AddressConflict => 6,
        Code::ProvisioningFailed => 7,
        Code::RollbackFailed => 8,
        Code::VerificationFailed => 9,
        Code::Locked => 10,
        Code::Interrupted => 130,
    }
}

/// The exit status of what a signal has ended, by the signal's number.
#[must_use]
pub fn of_signal(number: i32) -> u8 {
    u8::try_from(128 + number).unwrap_or(1)
}

/// The exit status as documents show it: a signal has three.
#[must_use]
pub fn status_text(code: Code) -> String {
    match code {
        Code::Interrupted => "129, 130, 143".to_owned(),
        code => status(code).to_string(),
    }
}

/// Which of several failures decides the exit status: 2 before 5 before 4 before 6 before 3, and
/// any of these before the rest, which keep the order that they came in.
#[must_use]
pub fn deciding(problems: &[Problem]) -> Option<&Problem> {
    const ORDER: [u8; 5] = [2, 5, 4, 6, 3];
    let rank = |problem: &Problem| {
        let status = status(problem.code);
        ORDER.iter().position(|known| *known == status).unwrap_or(ORDER.len())
    };
    problems.iter().min_by_key(|problem| rank(problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use miette::MietteDiagnostic;

    #[test]
    fn every_code_has_its_exit_status() {
        let of = |wanted: u8| -> Vec<&str> {
            let codes = Code::ALL.iter().filter(|code| status(**code) == wanted);
            codes.map(|code| code.as_str()).collect()
        };
        assert_eq!(of(2), ["CONFIG_MISSING", "CONFIG_INVALID", "UNSUPPORTED", "USAGE"]);
        assert_eq!(of(3), ["INFRA_EXISTS", "RECREATE_REQUIRED", "RESTART_REQUIRED"]);
        assert_eq!(of(4), ["INSUFFICIENT_RESOURCES"]);
        assert_eq!(of(5), ["PROVIDER_NOT_AVAILABLE", "DEPENDENCY_MISSING"]);
        assert_eq!(of(6), ["PORT_CONFLICT", "ADDRESS_CONFLICT"]);
        assert_eq!(of(7), ["PROVISIONING_FAILED"]);
        assert_eq!(of(8), ["ROLLBACK_FAILED"]);
        assert_eq!(of(9), ["VERIFICATION_FAILED"]);
        assert_eq!(of(10), ["LOCKED"]);
        assert_eq!(of(130), ["INTERRUPTED"]);
        assert_eq!(of(1).len(), 13);
    }

    #[test]
    fn configuration_comes_before_providers_before_resources_before_ports_before_names() {
        let problem = |code| Problem::new(code, MietteDiagnostic::new("x"));
        let mut problems = vec![
            problem(Code::Internal),
            problem(Code::InfraExists),
            problem(Code::PortConflict),
            problem(Code::InsufficientResources),
            problem(Code::ProviderNotAvailable),
            problem(Code::ConfigInvalid),
        ];
        let mut order = Vec::new();
        while let Some(code) = deciding(&problems).map(|problem| problem.code) {
            order.push(status(code));
            problems.retain(|problem| problem.code != code);
        }
        assert_eq!(order, [2, 5, 4, 6, 3, 1]);
    }
}
