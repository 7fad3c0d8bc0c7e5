//! "Did you mean …?": the candidate closest to a mistyped name. It must not know where the
//! candidates come from.

/// What moving, adding or dropping a character costs.
const MOVE: usize = 2;
/// What a wrong case costs.
const CASE: usize = 1;
/// Longer names, and more candidates, are not looked at: the cost is quadratic.
const LONGEST: usize = 40;
const MOST: usize = 750;

/// The candidate that `name` was probably meant to be: CPython's choice.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = name.chars().collect();
    let mut best: Option<(&str, usize)> = None;
    for candidate in candidates.into_iter().take(MOST) {
        if candidate == name {
            continue;
        }
        let right: Vec<char> = candidate.chars().collect();
        let mut most = (wrong.len() + right.len() + 3) * MOVE / 6;
        if let Some((_, distance)) = best {
            most = most.min(distance - 1);
        }
        let distance = distance(&wrong, &right, most);
        if distance <= most && best.is_none_or(|(_, known)| distance < known) {
            best = Some((candidate, distance));
            if distance == 0 {
                break;
            }
        }
    }
    best.map(|(candidate, _)| candidate)
}

fn substitution(a: char, b: char) -> usize {
    if a == b {
        0
    } else if a.eq_ignore_ascii_case(&b) {
        CASE
    } else {
        MOVE
    }
}

/// The Levenshtein distance, or something above `most`.
fn distance(a: &[char], b: &[char], most: usize) -> usize {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    if a.is_empty() || b.is_empty() {
        return (a.len() + b.len()) * MOVE;
    }
    if a.len() > LONGEST || b.len() > LONGEST || a.len().abs_diff(b.len()) * MOVE > most {
        return most + 1;
    }
    let mut row: Vec<usize> = (1..=a.len()).map(|column| column * MOVE).collect();
    let mut result = 0;
    for (index, &right) in b.iter().enumerate() {
        let mut diagonal = index * MOVE;
        result = diagonal + MOVE;
        let mut least = usize::MAX;
        for (place, &left) in row.iter_mut().zip(a) {
            let replaced = diagonal + substitution(left, right);
            diagonal = *place;
            result = replaced.min(result.min(diagonal) + MOVE);
            *place = result;
            least = least.min(result);
        }
        if least > most {
            return most + 1;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn finds_what_was_meant() {
        assert_eq!(closest("max_split", ["sep", "maxsplit"]), Some("maxsplit"));
        assert_eq!(closest("revers", ["key", "reverse"]), Some("reverse"));
        assert_eq!(closest("rev", ["key", "reverse"]), None);
        assert_eq!(closest("lenght", ["length", "len"]), Some("length"));
        assert_eq!(closest("Foo", ["foo", "fooo"]), Some("foo"));
    }
}
