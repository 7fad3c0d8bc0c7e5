//! `time`.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::time::Duration;

use nix::sys::time::TimeValLike;
use nix::time::ClockId;

use super::time_text;
use super::with_functions;
use crate::eval::context::Context;
use crate::eval::interrupt;
use crate::eval::module::Module;
use crate::library::arguments;
use crate::library::define::Entries;
use crate::library::environment;
use crate::library::exceptions::from_io;
use crate::library::namespace;
use crate::library::struct_sequence::{self, Description};
use crate::runtime::blocking;
use crate::runtime::clock::Deadline;
use crate::value::class::Class;
use crate::value::exception::{overflow_error, type_error, value_error};
use crate::value::function::Args;
use crate::value::name::Name;
use crate::value::object::Ref;
use crate::value::{Outcome, Value, sequence};

const FUNCTIONS: Entries<'_> = &[
    ("asctime", asctime),
    ("clock_getres", clock_resolution),
    ("clock_gettime", clock_seconds),
    ("clock_gettime_ns", clock_nanoseconds),
    ("ctime", ctime),
    ("get_clock_info", clock_info),
    ("gmtime", gmtime),
    ("localtime", localtime),
    ("mktime", mktime),
    ("monotonic", |cx, args| {
        seconds(cx, args, "time.monotonic", libc::CLOCK_MONOTONIC)
    }),
    ("monotonic_ns", |cx, args| {
        nanoseconds(cx, args, "time.monotonic_ns", libc::CLOCK_MONOTONIC)
    }),
    ("perf_counter", |cx, args| {
        seconds(cx, args, "time.perf_counter", libc::CLOCK_MONOTONIC)
    }),
    ("perf_counter_ns", |cx, args| {
        nanoseconds(cx, args, "time.perf_counter_ns", libc::CLOCK_MONOTONIC)
    }),
    ("process_time", |cx, args| {
        seconds(
            cx,
            args,
            "time.process_time",
            libc::CLOCK_PROCESS_CPUTIME_ID,
        )
    }),
    ("process_time_ns", |cx, args| {
        nanoseconds(
            cx,
            args,
            "time.process_time_ns",
            libc::CLOCK_PROCESS_CPUTIME_ID,
        )
    }),
    ("sleep", sleep),
    ("strftime", strftime),
    ("strptime", strptime),
    ("thread_time", |cx, args| {
        arguments::none("time.thread_time", args)?;
        Ok(Value::Float(cx.thread.usage().nanoseconds as f64 * 1e-9))
    }),
    ("thread_time_ns", |cx, args| {
        arguments::none("time.thread_time_ns", args)?;
        Ok(Value::Int(cx.thread.usage().nanoseconds))
    }),
    ("time", |cx, args| {
        seconds(cx, args, "time.time", libc::CLOCK_REALTIME)
    }),
    ("time_ns", |cx, args| {
        nanoseconds(cx, args, "time.time_ns", libc::CLOCK_REALTIME)
    }),
    ("tzset", tzset),
];

const STRUCT_TIME: Description = Description {
    name: "time.struct_time",
    fields: &[
        "tm_year",
        "tm_mon",
        "tm_mday",
        "tm_hour",
        "tm_min",
        "tm_sec",
        "tm_wday",
        "tm_yday",
        "tm_isdst",
        "tm_zone",
        "tm_gmtoff",
    ],
    visible: 9,
};

fn struct_time() -> &'static Ref<Class> {
    static CLASS: std::sync::OnceLock<Ref<Class>> = std::sync::OnceLock::new();
    CLASS.get_or_init(|| struct_sequence::class(&STRUCT_TIME))
}

pub(super) fn make(_: &mut Context) -> Outcome<Ref<Module>> {
    let module = with_functions("time", FUNCTIONS);
    struct_sequence::add_to(&module, struct_time());
    for (name, clock) in [
        ("CLOCK_REALTIME", libc::CLOCK_REALTIME),
        ("CLOCK_MONOTONIC", libc::CLOCK_MONOTONIC),
        ("CLOCK_MONOTONIC_RAW", libc::CLOCK_MONOTONIC_RAW),
        ("CLOCK_BOOTTIME", libc::CLOCK_BOOTTIME),
        ("CLOCK_PROCESS_CPUTIME_ID", libc::CLOCK_PROCESS_CPUTIME_ID),
        ("CLOCK_THREAD_CPUTIME_ID", libc::CLOCK_THREAD_CPUTIME_ID),
    ] {
        module.set(Name::new(name), Value::Int(i64::from(clock)));
    }
    set_zone(&module);
    Ok(module)
}

/// `timezone`, `altzone`, `daylight`, `tzname`: what the zone of this year says in January and
/// July.
fn set_zone(module: &Module) {
    let now = now(libc::CLOCK_REALTIME) / 1_000_000_000;
    let year = 365 * 24 * 3600;
    let start = now - now.rem_euclid(year);
    let (winter, summer) = (local(start), local(start + year / 2));
    let (Some(winter), Some(summer)) = (winter, summer) else {
        return;
    };
    let (standard, saving) = if winter.offset() <= summer.offset() {
        (&winter, &summer)
    } else {
        (&summer, &winter)
    };
    module.set(Name::new("timezone"), Value::Int(-standard.offset()));
    module.set(Name::new("altzone"), Value::Int(-saving.offset()));
    let daylight = i64::from(standard.offset() != saving.offset());
    module.set(Name::new("daylight"), Value::Int(daylight));
    module.set(
        Name::new("tzname"),
        Value::tuple_of([Value::str(standard.zone()), Value::str(saving.zone())]),
    );
}

// ---- clocks ----

fn now(clock: libc::clockid_t) -> i64 {
    read_clock(clock).unwrap_or(0)
}

fn read_clock(clock: libc::clockid_t) -> nix::Result<i64> {
    ClockId::from_raw(clock)
        .now()
        .map(|time| time.num_nanoseconds())
}

fn seconds(
    _: &mut Context,
    args: Args<'_>,
    function: &str,
    clock: libc::clockid_t,
) -> Outcome<Value> {
    arguments::none(function, args)?;
    Ok(Value::Float(now(clock) as f64 * 1e-9))
}

fn nanoseconds(
    _: &mut Context,
    args: Args<'_>,
    function: &str,
    clock: libc::clockid_t,
) -> Outcome<Value> {
    arguments::none(function, args)?;
    Ok(Value::Int(now(clock)))
}

fn given_clock(cx: &mut Context, args: Args<'_>, function: &str) -> Outcome<i64> {
    let clock = arguments::integer32(cx, arguments::one(function, args)?)?;
    if clock == libc::CLOCK_THREAD_CPUTIME_ID {
        return Ok(cx.thread.usage().nanoseconds);
    }
    read_clock(clock).map_err(|error| from_io(&error.into(), None))
}

fn clock_seconds(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let time = given_clock(cx, args, "time.clock_gettime")?;
    Ok(Value::Float(time as f64 * 1e-9))
}

fn clock_nanoseconds(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    given_clock(cx, args, "time.clock_gettime_ns").map(Value::Int)
}

fn clock_resolution(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let clock = arguments::integer32(cx, arguments::one("time.clock_getres", args)?)?;
    let time = ClockId::from_raw(clock).res();
    let time = time.map_err(|error| from_io(&error.into(), None))?;
    Ok(Value::Float(
        time.tv_sec() as f64 + time.tv_nsec() as f64 * 1e-9,
    ))
}

fn clock_info(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let name = arguments::text(
        arguments::one("time.get_clock_info", args)?,
        "get_clock_info() argument 1",
    )?;
    let (clock, adjustable) = match name.as_str() {
        "time" => ("CLOCK_REALTIME", true),
        "monotonic" | "perf_counter" => ("CLOCK_MONOTONIC", false),
        "process_time" => ("CLOCK_PROCESS_CPUTIME_ID", false),
        "thread_time" => ("CLOCK_THREAD_CPUTIME_ID", false),
        _ => return Err(value_error("unknown clock")),
    };
    Ok(namespace::make([
        (
            "implementation",
            Value::str(format!("clock_gettime({clock})")),
        ),
        ("monotonic", Value::Bool(clock != "CLOCK_REALTIME")),
        ("adjustable", Value::Bool(adjustable)),
        ("resolution", Value::Float(1e-9)),
    ]))
}

/// A duration in seconds, as `sleep` and timeouts take it.
///
/// # Errors
/// `TypeError` for no number, `ValueError` for a NaN or a negative number (with `negative` as its
/// message), `OverflowError` beyond the clock.
pub fn duration(cx: &mut Context, value: &Value, negative: &str) -> Outcome<Duration> {
    let seconds = match value.unwrapped() {
        Value::Float(number) => *number,
        _ => match sequence::index_value(cx, value)? {
            Value::Int(number) => number as f64,
            _ => f64::INFINITY,
        },
    };
    if seconds.is_nan() {
        return Err(value_error("Invalid value NaN (not a number)"));
    }
    if seconds < 0.0 {
        return Err(value_error(negative));
    }
    if seconds * 1e9 >= i64::MAX as f64 {
        return Err(overflow_error(
            "timestamp too large to convert to C PyTime_t",
        ));
    }
    Ok(Duration::from_secs_f64(seconds))
}

fn sleep(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let value = arguments::one("time.sleep", args)?;
    let length = duration(cx, value, "sleep length must be non-negative")?;
    if length.is_zero() {
        std::thread::yield_now();
        cx.safepoint()?;
        return Ok(Value::None);
    }
    let deadline = Deadline::after(length);
    while blocking::sleep_until(&cx.thread, deadline).is_err() {
        interrupt::at_safepoint(cx)?;
    }
    Ok(Value::None)
}

// ---- calendar ----

/// A broken-down time.
pub(super) struct Broken(libc::tm);

impl Broken {
    fn offset(&self) -> i64 {
        self.0.tm_gmtoff
    }

    fn zone(&self) -> String {
        if self.0.tm_zone.is_null() {
            return String::new();
        }
        // SAFETY: the C library's zone names live as long as the process.
        unsafe { CStr::from_ptr(self.0.tm_zone) }
            .to_string_lossy()
            .into_owned()
    }

    fn value(&self) -> Value {
        let time = &self.0;
        let mut values: Vec<Value> = [
            i64::from(time.tm_year) + 1900,
            i64::from(time.tm_mon) + 1,
            i64::from(time.tm_mday),
            i64::from(time.tm_hour),
            i64::from(time.tm_min),
            i64::from(time.tm_sec),
            // Monday is 0.
            i64::from((time.tm_wday + 6) % 7),
            i64::from(time.tm_yday) + 1,
            i64::from(time.tm_isdst),
        ]
        .map(Value::Int)
        .into();
        values.push(Value::str(self.zone()));
        values.push(Value::Int(self.offset()));
        struct_sequence::make(struct_time(), &STRUCT_TIME, values)
    }
}

fn local(seconds: i64) -> Option<Broken> {
    environment::reading(|| {
        let mut broken = MaybeUninit::<libc::tm>::uninit();
        // SAFETY: both pointers are valid; the result is filled in when it is not null.
        unsafe {
            let made = libc::localtime_r(&seconds, broken.as_mut_ptr());
            (!made.is_null()).then(|| Broken(broken.assume_init()))
        }
    })
}

fn universal(seconds: i64) -> Option<Broken> {
    let mut broken = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: as in `local`; this one reads no environment.
    unsafe {
        let made = libc::gmtime_r(&seconds, broken.as_mut_ptr());
        (!made.is_null()).then(|| Broken(broken.assume_init()))
    }
}

/// The seconds that `gmtime`, `localtime` and `ctime` are given: now for none.
fn given_seconds(cx: &mut Context, args: Args<'_>, function: &str) -> Outcome<i64> {
    let seconds = match arguments::between(function, args, 0, 1)? {
        [] | [Value::None] => return Ok(now(libc::CLOCK_REALTIME).div_euclid(1_000_000_000)),
        [value] => match value.unwrapped() {
            Value::Float(number) => number.floor(),
            _ => match sequence::index_value(cx, value)? {
                Value::Int(number) => return Ok(number),
                _ => f64::INFINITY,
            },
        },
        _ => 0.0,
    };
    if seconds.is_nan() {
        return Err(value_error("Invalid value NaN (not a number)"));
    }
    if !(-9.2e18..9.2e18).contains(&seconds) {
        return Err(overflow_error("timestamp out of range for platform time_t"));
    }
    Ok(seconds as i64)
}

/// What the C library says of a year that does not fit its own.
fn too_far() -> crate::value::exception::Raised {
    from_io(&std::io::Error::from_raw_os_error(libc::EOVERFLOW), None)
}

fn gmtime(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let seconds = given_seconds(cx, args, "gmtime")?;
    universal(seconds)
        .map(|time| time.value())
        .ok_or_else(too_far)
}

fn localtime(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let seconds = given_seconds(cx, args, "localtime")?;
    local(seconds).map(|time| time.value()).ok_or_else(too_far)
}

/// The broken-down time that a tuple of nine numbers stands for.
fn broken(cx: &mut Context, value: &Value, function: &str) -> Outcome<Broken> {
    let Value::Tuple(items) = value.unwrapped() else {
        return Err(type_error("Tuple or struct_time argument required"));
    };
    if items.items().len() != 9 {
        return Err(type_error(format!(
            "{function}(): illegal time tuple argument"
        )));
    }
    let mut numbers = [0i32; 9];
    for (place, item) in numbers.iter_mut().zip(items.items()) {
        *place = arguments::integer32(cx, item)?;
    }
    let [
        year,
        month,
        day,
        hour,
        minute,
        second,
        weekday,
        yearday,
        saving,
    ] = numbers;
    let year = year
        .checked_sub(1900)
        .ok_or_else(|| overflow_error("year out of range"))?;
    let mut time = universal(0).unwrap_or_else(|| {
        // SAFETY: a `tm` of zeros is valid: numbers and a null pointer.
        Broken(unsafe { std::mem::zeroed() })
    });
    time.0.tm_year = year;
    time.0.tm_mon = month - 1;
    time.0.tm_mday = day;
    time.0.tm_hour = hour;
    time.0.tm_min = minute;
    time.0.tm_sec = second;
    time.0.tm_wday = (weekday.rem_euclid(7) + 1) % 7;
    time.0.tm_yday = yearday - 1;
    time.0.tm_isdst = saving;
    if let Some(instance) = value.as_instance() {
        if let Some(Value::Int(offset)) = instance.get(Name::new("tm_gmtoff")) {
            time.0.tm_gmtoff = offset;
        }
        if let Some(Value::Str(zone)) = instance.get(Name::new("tm_zone"))
            && zone.as_str() != "GMT"
        {
            // The name must outlive the call: the zone that the C library knows is used.
            if let Some(known) = local(0) {
                time.0.tm_zone = known.0.tm_zone;
            }
        }
    }
    Ok(time)
}

/// The numbers must be such that their texts exist.
fn check(time: &mut Broken) -> Outcome<()> {
    let time = &mut time.0;
    // Zero stands for the first.
    if time.tm_mon == -1 {
        time.tm_mon = 0;
    }
    if time.tm_mday == 0 {
        time.tm_mday = 1;
    }
    if time.tm_yday == -1 {
        time.tm_yday = 0;
    }
    for (fine, what) in [
        ((0..12).contains(&time.tm_mon), "month"),
        ((1..=31).contains(&time.tm_mday), "day of month"),
        ((0..24).contains(&time.tm_hour), "hour"),
        ((0..60).contains(&time.tm_min), "minute"),
        ((0..62).contains(&time.tm_sec), "seconds"),
        ((0..366).contains(&time.tm_yday), "day of year"),
    ] {
        if !fine {
            return Err(value_error(format!("{what} out of range")));
        }
    }
    Ok(())
}

/// The time that an optional argument stands for: now, here.
fn given_time(cx: &mut Context, value: Option<&Value>, function: &str) -> Outcome<Broken> {
    match value {
        Some(value) => broken(cx, value, function),
        None => local(now(libc::CLOCK_REALTIME).div_euclid(1_000_000_000)).ok_or_else(too_far),
    }
}

fn mktime(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let mut time = broken(cx, arguments::one("time.mktime", args)?, "mktime")?;
    // What shows whether the call failed: -1 is also a time.
    time.0.tm_wday = -1;
    // SAFETY: the pointer is valid.
    let seconds = environment::reading(|| unsafe { libc::mktime(&mut time.0) });
    if seconds == -1 && time.0.tm_wday == -1 {
        return Err(overflow_error("mktime argument out of range"));
    }
    Ok(Value::Float(seconds as f64))
}

fn asctime(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("asctime", args, 0, 1)?;
    let mut time = given_time(cx, values.first(), "asctime")?;
    check(&mut time)?;
    Ok(Value::str(as_text(&time)))
}

fn as_text(time: &Broken) -> String {
    let time = &time.0;
    format!(
        "{} {}{:3} {:02}:{:02}:{:02} {}",
        time_text::short(time_text::DAYS[time.tm_wday.rem_euclid(7) as usize]),
        time_text::short(time_text::MONTHS[time.tm_mon.rem_euclid(12) as usize]),
        time.tm_mday,
        time.tm_hour,
        time.tm_min,
        time.tm_sec,
        i64::from(time.tm_year) + 1900
    )
}

fn ctime(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let seconds = given_seconds(cx, args, "ctime")?;
    let time = local(seconds).ok_or_else(too_far)?;
    Ok(Value::str(as_text(&time)))
}

fn strftime(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("strftime", args, 1, 2)?;
    let format = arguments::text(&values[0], "strftime() argument 1")?.clone();
    let mut time = given_time(cx, values.get(1), "strftime")?;
    check(&mut time)?;
    write_time(format.as_str(), &time).map(Value::str)
}

/// A time written by the C library.
fn write_time(format: &str, time: &Broken) -> Outcome<String> {
    if format.is_empty() {
        return Ok(String::new());
    }
    // An end mark tells an empty result from one that did not fit.
    let Ok(pattern) = std::ffi::CString::new(format!("{format}.")) else {
        return Err(value_error("embedded null character"));
    };
    let mut size = 256;
    loop {
        let mut buffer = vec![0u8; size];
        // SAFETY: the buffer is valid for its length, the pattern is a C string, and the time's
        // zone name lives as long as the process.
        let length = environment::reading(|| unsafe {
            libc::strftime(
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                pattern.as_ptr(),
                &time.0,
            )
        });
        if length > 0 {
            buffer.truncate(length - 1);
            return Ok(String::from_utf8_lossy(&buffer).into_owned());
        }
        size *= 4;
        if size > 1 << 24 {
            return Err(crate::value::exception::memory_error(""));
        }
    }
}

fn strptime(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let values = arguments::between("strptime", args, 1, 2)?;
    let text = arguments::text(&values[0], "strptime() argument 0")?;
    let format = match values.get(1) {
        Some(format) => arguments::text(format, "strptime() argument 1")?.as_str(),
        None => "%a %b %d %H:%M:%S %Y",
    };
    let parsed = time_text::parse(cx, text.as_str(), format)?;
    let mut values: Vec<Value> = [
        parsed.year,
        parsed.month,
        parsed.day,
        parsed.hour,
        parsed.minute,
        parsed.second,
        parsed.weekday,
        parsed.year_day,
        parsed.saving,
    ]
    .map(Value::Int)
    .into();
    values.push(parsed.zone.map_or(Value::None, Value::str));
    values.push(parsed.offset.map_or(Value::None, Value::Int));
    Ok(struct_sequence::make(struct_time(), &STRUCT_TIME, values))
}

fn tzset(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    arguments::none("time.tzset", args)?;
    // SAFETY: POSIX says that there is a function of this name and type.
    unsafe extern "C" {
        fn tzset();
    }
    // SAFETY: nobody changes the environment meanwhile.
    environment::reading(|| unsafe { tzset() });
    let loaded = cx.session.modules.lock().get(&Name::new("time")).cloned();
    if let Some(module) = loaded {
        set_zone(&module);
    }
    Ok(Value::None)
}
