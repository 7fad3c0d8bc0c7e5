//! What `functools.lru_cache` makes of a function. Threads may call it together: each step on the
//! cache is one step of a dict, and the function runs with nothing locked. It must not know what
//! the function does.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::eval::context::Context;
use crate::library::arguments::{self, exactly};
use crate::library::methods::construct::class_argument;
use crate::library::{define, native_object};
use crate::value::class::Class;
use crate::value::exception::type_error;
use crate::value::function::{Args, BoundMethod};
use crate::value::instance::NativeData;
use crate::value::object::Ref;
use crate::value::types::types;
use crate::value::{Dict, Outcome, Value};

struct Cache {
    function: Value,
    /// `None` for no limit.
    most: Option<usize>,
    typed: bool,
    /// The class of what `cache_info` gives.
    info: Value,
    results: Ref<Dict>,
    hits: AtomicU64,
    misses: AtomicU64,
    /// Stands between positional and keyword arguments in keys.
    mark: Value,
}

impl NativeData for Cache {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.function);
        visit(&self.info);
        self.results.visit(Value::Dict, visit);
        visit(&self.mark);
    }

    fn clear(&self) {
        self.results.clear();
    }
}

/// The class.
pub(super) fn class() -> &'static Ref<Class> {
    static CLASS: OnceLock<Ref<Class>> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = Class::native("functools._lru_cache_wrapper");
        define::static_methods(&class, &[("__new__", new)]);
        define::methods(
            &class,
            &[
                ("__init__", |_, _| Ok(Value::None)),
                ("__call__", call),
                ("__get__", bind),
                ("__copy__", |_, args| Ok(args.values[0].clone())),
                ("cache_info", info),
                ("cache_clear", clear),
            ],
        );
        class
    })
}

fn this<'a>(args: Args<'a>, method: &'static str) -> Outcome<(&'a Cache, Args<'a>)> {
    native_object::receiver(args, "functools._lru_cache_wrapper", method)
}

fn new(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (class, rest) = class_argument(class(), args)?;
    let [function, most, typed, info] = exactly("_lru_cache_wrapper", rest)?;
    let most = match most {
        Value::None => None,
        most => Some(usize::try_from(arguments::integer(cx, most)?).unwrap_or(0)),
    };
    if !crate::eval::is_callable(function) {
        return Err(type_error("the first argument must be callable"));
    }
    let cache = Cache {
        function: function.clone(),
        most,
        typed: arguments::truth(cx, typed)?,
        info: info.clone(),
        results: Ref::new(Dict::new()),
        hits: AtomicU64::new(0),
        misses: AtomicU64::new(0),
        mark: cx.call(&Value::Class(types().object.clone()), &[])?,
    };
    Ok(native_object::instance(class, cache))
}

impl Cache {
    fn key(&self, args: Args<'_>) -> Value {
        if let ([one @ (Value::Int(_) | Value::Str(_))], [], false) =
            (args.values, args.names, self.typed)
        {
            return one.clone();
        }
        let mut parts = args.positional().to_vec();
        if !args.names.is_empty() {
            parts.push(self.mark.clone());
            for (name, value) in args.keywords() {
                parts.push(name.value());
                parts.push(value.clone());
            }
        }
        if self.typed {
            let classes = args
                .values
                .iter()
                .map(|value| Value::Class(value.class().clone()));
            parts.extend(classes);
        }
        Value::tuple(parts)
    }
}

fn call(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (cache, rest) = this(args, "__call__")?;
    if cache.most == Some(0) {
        cache.misses.fetch_add(1, Ordering::Relaxed);
        return cx.call_with(&cache.function, rest);
    }
    let key = cache.key(rest);
    if let Some(result) = cache.results.get(cx, &key)? {
        if cache.most.is_some() {
            // Another thread may have thrown it out meanwhile.
            cache.results.move_to_end(cx, &key, true)?;
        }
        cache.hits.fetch_add(1, Ordering::Relaxed);
        return Ok(result);
    }
    cache.misses.fetch_add(1, Ordering::Relaxed);
    let result = cx.call_with(&cache.function, rest)?;
    cache.results.insert_if_missing(cx, key, result.clone())?;
    if let Some(most) = cache.most {
        while cache.results.len() > most {
            let oldest = cache.results.pop_first();
            drop(oldest);
        }
    }
    Ok(result)
}

fn bind(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    this(args, "__get__")?;
    let values = arguments::between("__get__", args, 2, 3)?;
    if values[1].is_none() {
        return Ok(values[0].clone());
    }
    Ok(Value::Method(Ref::new(BoundMethod {
        function: values[0].clone(),
        receiver: values[1].clone(),
    })))
}

fn info(cx: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (cache, rest) = this(args, "cache_info")?;
    arguments::none("_lru_cache_wrapper.cache_info", rest)?;
    let count = |counter: &AtomicU64| Value::Int(counter.load(Ordering::Relaxed) as i64);
    let numbers = [
        count(&cache.hits),
        count(&cache.misses),
        cache.most.map_or(Value::None, Value::size),
        Value::size(cache.results.len()),
    ];
    cx.call(&cache.info, &numbers)
}

fn clear(_: &mut Context, args: Args<'_>) -> Outcome<Value> {
    let (cache, rest) = this(args, "cache_clear")?;
    arguments::none("_lru_cache_wrapper.cache_clear", rest)?;
    cache.results.clear();
    cache.hits.store(0, Ordering::Relaxed);
    cache.misses.store(0, Ordering::Relaxed);
    Ok(Value::None)
}
