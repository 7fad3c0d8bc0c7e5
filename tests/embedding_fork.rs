//! Forks in a host program, which has no thread but the one that runs scripts: the child never comes
//! back into the host. Runs without the test runner, whose threads would be foreign ones.

use std::process::ExitCode;

use conc::{Engine, Error, Session, Value};

fn session() -> Session {
    Engine::builder().capture_output().build().session()
}

/// A child ends where the parent comes back to the host, with a status of its own.
fn the_child_stays_in_the_script() -> Result<(), Error> {
    let session = session();
    let before = std::process::id();
    session.run_text("import os\npid = fork()\nif pid == 0: print('never taken by the host')")?;
    assert_eq!(std::process::id(), before, "only the parent is here");
    let status: i64 = session.eval("os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])")?;
    assert_eq!(status, 0);
    session.run_text("pid = fork()\nif pid == 0: raise ValueError('in the child')")?;
    let status: i64 = session.eval("os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])")?;
    assert_eq!(status, 1);
    session.run_text("pid = fork()\nif pid == 0: exit(7)")?;
    let status: i64 = session.eval("os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])")?;
    assert_eq!(status, 7);
    Ok(())
}

/// The same from within a function of the host.
fn within_a_function_of_the_host() -> Result<(), Error> {
    let engine = Engine::builder()
        .register_fn("inside", |function: Value| function.call::<i64>(()))
        .build();
    let session = engine.session();
    session.run_text("import os\npid = inside(fork)")?;
    let status: i64 = session.eval("os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])")?;
    assert_eq!(status, 0);
    Ok(())
}

/// Processes of a script in a host.
fn processes_work() -> Result<(), Error> {
    let session = session();
    session.run_text(
        "q = Queue()\np = Process(target=lambda: q.put(6 * 7))\np.start(); p.join()\nanswer = q.get()",
    )?;
    assert_eq!(session.get::<i64>("answer")?, 42);
    Ok(())
}

fn main() -> ExitCode {
    type Test = fn() -> Result<(), Error>;
    let tests: [(&str, Test); 3] = [
        (
            "the_child_stays_in_the_script",
            the_child_stays_in_the_script,
        ),
        (
            "within_a_function_of_the_host",
            within_a_function_of_the_host,
        ),
        ("processes_work", processes_work),
    ];
    let mut failed = 0;
    for (name, test) in tests {
        match test() {
            Ok(()) => println!("test {name} ... ok"),
            Err(error) => {
                failed += 1;
                println!("test {name} ... FAILED\n{error:?}");
            }
        }
    }
    println!("{} passed, {failed} failed", tests.len() - failed);
    ExitCode::from(u8::from(failed > 0))
}
