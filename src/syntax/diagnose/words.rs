//! Words that were probably meant for others: misspelt keywords, and words of other languages.

/// The keywords that begin a statement or a clause.
const BEGINNINGS: [&str; 23] = [
    "assert", "break", "case", "class", "continue", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "match", "nonlocal", "pass", "raise",
    "return", "try", "while",
];

/// Words that other languages begin a statement with, and what conc writes.
const FOREIGN: [(&str, &str); 23] = [
    ("catch", "except"),
    ("defn", "def"),
    ("defun", "def"),
    ("delete", "del"),
    ("elseif", "elif"),
    ("elsif", "elif"),
    ("fn", "def"),
    ("foreach", "for"),
    ("fun", "def"),
    ("func", "def"),
    ("function", "def"),
    ("include", "import"),
    ("loop", "while True"),
    ("next", "continue"),
    ("proc", "def"),
    ("require", "import"),
    ("rescue", "except"),
    ("struct", "class"),
    ("sub", "def"),
    ("switch", "match"),
    ("throw", "raise"),
    ("until", "while not"),
    ("use", "import"),
];

/// Words that declare a variable elsewhere.
pub(super) const DECLARATIONS: [&str; 9] = [
    "auto", "const", "dim", "final", "let", "local", "my", "val", "var",
];

/// The keyword that a word at the start of a statement was meant to be.
pub(super) fn meant(word: &str) -> Option<&'static str> {
    if let Some((_, meant)) = FOREIGN.iter().find(|(foreign, _)| *foreign == word) {
        return Some(meant);
    }
    if word.len() < 2 || word.len() > 12 {
        return None;
    }
    let lower = word.to_lowercase();
    let mut best: Option<((usize, usize), &str)> = None;
    for keyword in BEGINNINGS.iter().chain(&["with"]) {
        if *keyword == word {
            return None;
        }
        let distance = distance(&lower, keyword);
        // One slip in short words, two in long ones; a word of two letters must share one.
        let allowed = if keyword.len() >= 6 { 2 } else { 1 };
        let kin = keyword.len() > 2 || keyword.as_bytes()[0] == lower.as_bytes()[0];
        // Of two that are as near, the one that is as long.
        let rank = (distance, keyword.len().abs_diff(lower.len()));
        if distance <= allowed && kin && best.is_none_or(|(other, _)| rank < other) {
            best = Some((rank, keyword));
        }
    }
    best.map(|(_, keyword)| keyword)
}

/// How many letters must be changed, put in, left out or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn misspelt_keywords() {
        for (word, wanted) in [
            ("whlie", Some("while")),
            ("fro", Some("for")),
            ("esle", Some("else")),
            ("retrun", Some("return")),
            ("improt", Some("import")),
            ("form", Some("from")),
            ("clas", Some("class")),
            ("If", Some("if")),
            ("function", Some("def")),
            ("elseif", Some("elif")),
            ("x", None),
            ("total", None),
            ("queue", None),
        ] {
            assert_eq!(meant(word), wanted, "{word}");
        }
    }
}
