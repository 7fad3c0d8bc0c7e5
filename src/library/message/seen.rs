//! Which objects a message has met, by address. Most messages meet a handful, for which a table would
//! cost more than the message. It must not know what the objects are.

use std::collections::HashMap;

/// So many are looked through one by one.
const FEW: usize = 12;

/// Numbers by address.
#[derive(Default)]
pub struct Seen {
    few: [(usize, u64); FEW],
    count: usize,
    /// All of them, once there are more than few.
    many: HashMap<usize, u64>,
}

impl Seen {
    /// The number of an object.
    pub fn get(&self, address: usize) -> Option<u64> {
        if self.count > FEW {
            return self.many.get(&address).copied();
        }
        let known = self.few[..self.count].iter();
        known
            .filter(|(known, _)| *known == address)
            .map(|(_, number)| *number)
            .next()
    }

    /// Gives an object a number, unless it has one.
    pub fn add(&mut self, address: usize, number: u64) {
        if self.get(address).is_none() {
            self.set(address, number);
        }
    }

    /// Gives an object a number, whether it has one or not.
    pub fn set(&mut self, address: usize, number: u64) {
        if self.count <= FEW {
            let known = &mut self.few[..self.count];
            if let Some(place) = known.iter_mut().find(|(known, _)| *known == address) {
                place.1 = number;
                return;
            }
        }
        if self.count < FEW {
            self.few[self.count] = (address, number);
        } else {
            if self.count == FEW {
                self.many.extend(self.few);
            }
            if self.many.insert(address, number).is_some() {
                return;
            }
        }
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_few_and_many() {
        let mut seen = Seen::default();
        assert_eq!(seen.get(8), None);
        for address in 1..100usize {
            seen.add(address * 8, address as u64);
            seen.add(address * 8, 7);
            for known in 1..=address {
                assert_eq!(seen.get(known * 8), Some(known as u64));
            }
            assert_eq!(seen.get(address * 8 + 8), None);
        }
    }
}
