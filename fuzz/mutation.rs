//! Changes of a program's text token by token. It must not know the grammar beyond what ends a word.

/// What is put in: each can make a program go wrong in a way of its own.
const TOKENS: &[&str] = &[
    "0", "1", "-1", "2**64", "2**63", "-2**63", "2**63-1", "1<<200", "10**30", "1.5", "float('nan')", "float('inf')",
    "-0.0", "1e308", "True", "False", "None", "...", "NotImplemented", "''", "'a'", "'é数'", "'{}'", "'%s'", "b''", "b'a'",
    "[]", "[1]", "()", "(1,)", "{}", "{1: 2}", "set()", "{1}", "range(3)", "range(0)", "slice(None)", "lambda *a: a",
    "iter([1])", "(i for i in [1])", "bytearray(b'a')", "memoryview(b'a')", "object()", "int", "str", "list", "dict", "set",
    "type", "object", "Exception", "ValueError", "ValueError(1)", "super", "property", "staticmethod", "classmethod", "self",
    "cls", "__class__", "+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "&", "|", "^", "~", "<", "<=", "==", "!=", ">",
    ">=", " in ", " not in ", " is ", " and ", " or ", "not ", "=", "+=", "*=", "@=", ":=", ",", ":", ".", ";", "(", ")", "[",
    "]", "{", "}", " if ", " else ", " for ", "while ", "del ", "return ", "yield ", "yield from ", "raise ", "global ",
    "nonlocal ", "assert ", "pass", "break", "continue", "print", "repr", "len", "hash", "sorted", "list", "min", "max", "sum",
    "zip", "map", "filter", "enumerate", "reversed", "isinstance", "getattr", "setattr", "delattr", "vars", "dir", "format",
    "divmod", "pow", "round", "abs", "chr", "ord", "int.from_bytes", "next", "iter", "type(self)", ".append", ".pop", ".clear",
    ".sort", ".extend", ".insert", ".update", ".items()", ".keys()", ".__dict__", ".__class__", ".__init__", ".__eq__",
    ".send", ".throw", ".close", ".args", ".__context__", ".__cause__", ".__traceback__", ".format", ".join", ".split",
    ".replace", ".encode()", ".decode()", "[::-1]", "[1:]", "[-1]", "[2**63:]", "*", "**", "\n", "    ",
];

fn tokens(text: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens: Vec<String> = Vec::new();
    let mut last = None;
    for c in text.chars() {
        let kind = if is_word(c) {
            1
        } else if c == ' ' {
            2
        } else {
            3
        };
        match tokens.last_mut() {
            Some(token) if last == Some(kind) && kind != 3 => token.push(c),
            _ => tokens.push(c.to_string()),
        }
        last = Some(kind);
    }
    tokens
}

/// The text with these changes, four bytes each: what is done, where (two bytes), and with what.
pub fn mutate(text: &str, changes: &[u8]) -> String {
    if changes.is_empty() {
        return text.to_owned();
    }
    let mut tokens = tokens(text);
    for change in changes.chunks_exact(4).take(64) {
        if tokens.is_empty() || tokens.len() > 20_000 {
            break;
        }
        let at = usize::from(u16::from_le_bytes([change[1], change[2]])) % tokens.len();
        let with = usize::from(change[3]);
        match change[0] % 6 {
            0 | 1 => tokens[at] = TOKENS[with % TOKENS.len()].to_owned(),
            2 => tokens.insert(at, TOKENS[with % TOKENS.len()].to_owned()),
            3 => {
                tokens.remove(at);
            }
            4 => {
                let other = (at + 1 + with) % tokens.len();
                tokens.swap(at, other);
            }
            _ => {
                let from = (at + with * 7) % tokens.len();
                let copied: Vec<String> = tokens[from..(from + 1 + with % 40).min(tokens.len())].to_vec();
                tokens.splice(at..at, copied);
            }
        }
    }
    tokens.concat()
}
