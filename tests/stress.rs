//! Scripts that do many things at once to the same objects, for as long as they are asked to: a few
//! seconds here, minutes with `CONC_STRESS_SECONDS`, `CONC_STRESS_FORKS` and `CONC_STRESS_ROUNDS` set.
//! Each checks what must hold at its end and prints `ok`.

#[allow(dead_code)]
mod harness;

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a script may take besides the time it is asked to run: hours where it is asked for more
/// than it does by itself.
fn limit() -> Duration {
    let asked = [
        "CONC_STRESS_SECONDS",
        "CONC_STRESS_FORKS",
        "CONC_STRESS_ROUNDS",
    ];
    if asked.iter().any(|name| std::env::var_os(name).is_some()) {
        Duration::from_secs(4 * 3600)
    } else {
        Duration::from_secs(180)
    }
}

fn run(script: &str, environment: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/stress")
        .join(script);
    let mut child = Command::new(harness::binary())
        .arg(path)
        .env_remove("CONC_MODE")
        .env("NO_COLOR", "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()
        .expect("the command can be started");
    let group = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let mut stdout = child.stdout.take().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        // What was read before an error is still worth showing.
        let _ = stdout.read_to_string(&mut text);
        text
    });
    let deadline = Instant::now() + limit();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            break Some(status);
        }
        if Instant::now() > deadline {
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    // Whatever of the group is left; there may be nothing.
    let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
    let text = reader.join().expect("the reader does not fail");
    match status {
        None => panic!("{script} hangs; it printed\n{text}"),
        Some(status) => assert!(status.success(), "{script} ended with {status}\n{text}"),
    }
    text
}

#[test]
fn shared_objects_stay_whole() {
    assert_eq!(run("shared_objects.conc", &[]), "ok\n");
}

#[test]
fn shared_objects_stay_whole_without_specialised_nodes() {
    let text = run("shared_objects.conc", &[("CONC_MODE", "plain")]);
    assert_eq!(text, "ok\n");
}

#[test]
fn forks_under_busy_threads_work() {
    assert_eq!(run("many_forks.conc", &[]), "ok\n");
}

#[test]
fn forks_while_threads_block_work() {
    let text = run("fork_while_blocked.conc", &[]);
    assert!(text.ends_with("\nok\n"), "{text}");
}

#[test]
fn ends_of_threads_meet_no_collection_and_no_fork() {
    assert_eq!(run("short_threads.conc", &[]), "ok\n");
}

#[test]
fn managers_outlive_their_clients() {
    assert_eq!(run("manager_kills.conc", &[]), "ok\n");
}

#[test]
fn memory_stays_small() {
    let text = run("memory_stays.conc", &[]);
    let parts = text.lines().filter(|line| line.ends_with(" stays small"));
    assert_eq!(parts.count(), text.lines().count() - 1, "{text}");
    assert!(text.ends_with("\nok\n"), "{text}");
}

#[test]
fn cycles_do_not_pile_up() {
    assert_eq!(
        run("size_stays.conc", &[]),
        "one thread kept its size\n\
         eight threads kept its size\n\
         a child kept its size\n\
         threads of a child kept its size\n\
         None\n"
    );
}
