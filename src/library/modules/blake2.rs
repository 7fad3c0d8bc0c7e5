//! BLAKE2b and BLAKE2s (RFC 7693), with digests of any size and with keys. It must not know where
//! bytes come from.

use sha3::digest::Update;

const IV: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

const ORDER: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// A digest under way.
#[derive(Clone)]
pub struct Blake2 {
    /// Whether words have 64 bits; 32 otherwise.
    wide: bool,
    state: [u64; 8],
    buffer: Vec<u8>,
    count: u128,
    size: usize,
}

impl Blake2 {
    /// A digest of this size, 0 for the largest; `None` for a size or a key that is too long.
    pub fn new(wide: bool, size: usize, key: &[u8]) -> Option<Blake2> {
        let most = if wide { 64 } else { 32 };
        let size = if size == 0 { most } else { size };
        if size > most || key.len() > most {
            return None;
        }
        let mut state = IV;
        if !wide {
            // Those of BLAKE2s are the upper halves.
            state.iter_mut().for_each(|word| *word >>= 32);
        }
        state[0] ^= 0x0101_0000 ^ (key.len() as u64) << 8 ^ size as u64;
        let mut made = Blake2 {
            wide,
            state,
            buffer: Vec::new(),
            count: 0,
            size,
        };
        if !key.is_empty() {
            let mut block = key.to_vec();
            block.resize(made.block(), 0);
            made.update(&block);
        }
        Some(made)
    }

    fn block(&self) -> usize {
        if self.wide { 128 } else { 64 }
    }

    /// The digest of what there was so far.
    pub fn digest(mut self) -> Vec<u8> {
        self.count += self.buffer.len() as u128;
        let mut block = std::mem::take(&mut self.buffer);
        block.resize(self.block(), 0);
        self.compress(&block, true);
        let width = if self.wide { 8 } else { 4 };
        let mut out = Vec::with_capacity(64);
        for word in self.state {
            out.extend_from_slice(&word.to_le_bytes()[..width]);
        }
        out.truncate(self.size);
        out
    }

    fn compress(&mut self, block: &[u8], last: bool) {
        let wide = self.wide;
        let width = if wide { 8 } else { 4 };
        let word_mask = if wide { u64::MAX } else { u64::from(u32::MAX) };
        let mut words = [0u64; 16];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(width)) {
            let mut full = [0; 8];
            full[..width].copy_from_slice(bytes);
            *word = u64::from_le_bytes(full);
        }
        let mut v = [0u64; 16];
        v[..8].copy_from_slice(&self.state);
        for (place, word) in IV.iter().enumerate() {
            v[8 + place] = if wide { *word } else { word >> 32 };
        }
        if wide {
            v[12] ^= self.count as u64;
            v[13] ^= (self.count >> 64) as u64;
        } else {
            v[12] ^= self.count as u64 & word_mask;
            v[13] ^= (self.count >> 32) as u64 & word_mask;
        }
        if last {
            v[14] ^= word_mask;
        }
        let turn = |word: u64, by: [u32; 2]| {
            if wide {
                word.rotate_right(by[0])
            } else {
                u64::from((word as u32).rotate_right(by[1]))
            }
        };
        let mut mix = |[a, b, c, d]: [usize; 4], x: u64, y: u64| {
            v[a] = v[a].wrapping_add(v[b]).wrapping_add(x) & word_mask;
            v[d] = turn(v[d] ^ v[a], [32, 16]);
            v[c] = v[c].wrapping_add(v[d]) & word_mask;
            v[b] = turn(v[b] ^ v[c], [24, 12]);
            v[a] = v[a].wrapping_add(v[b]).wrapping_add(y) & word_mask;
            v[d] = turn(v[d] ^ v[a], [16, 8]);
            v[c] = v[c].wrapping_add(v[d]) & word_mask;
            v[b] = turn(v[b] ^ v[c], [63, 7]);
        };
        const LANES: [[usize; 4]; 8] = [
            [0, 4, 8, 12],
            [1, 5, 9, 13],
            [2, 6, 10, 14],
            [3, 7, 11, 15],
            [0, 5, 10, 15],
            [1, 6, 11, 12],
            [2, 7, 8, 13],
            [3, 4, 9, 14],
        ];
        let rounds = if wide { 12 } else { 10 };
        for round in 0..rounds {
            let order = &ORDER[round % 10];
            for (place, lane) in LANES.into_iter().enumerate() {
                mix(lane, words[order[2 * place]], words[order[2 * place + 1]]);
            }
        }
        for place in 0..8 {
            self.state[place] ^= v[place] ^ v[place + 8];
        }
    }
}

impl Update for Blake2 {
    fn update(&mut self, mut bytes: &[u8]) {
        let size = self.block();
        // The last block is kept back: only at the end it is known to be the last.
        while self.buffer.len() + bytes.len() > size {
            let (head, rest) = bytes.split_at(size - self.buffer.len());
            self.buffer.extend_from_slice(head);
            bytes = rest;
            self.count += size as u128;
            let block = std::mem::take(&mut self.buffer);
            self.compress(&block, false);
        }
        self.buffer.extend_from_slice(bytes);
    }
}
