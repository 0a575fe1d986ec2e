// Rust, optimised: recursion, hashing, sorting, allocation, until ended.
use std::collections::HashMap;

fn descend(depth: u32, seen: &mut HashMap<String, u64>) -> u64 {
    if depth == 0 {
        let name = format!("{}", seen.len() % 1000);
        *seen.entry(name).or_insert(0) += 1;
        let mut values: Vec<u64> = (0..500).map(|x| (x * 7919) % 1009).collect();
        values.sort();
        return values[10] + seen.len() as u64;
    }
    descend(depth - 1, seen) + 1
}

fn main() {
    let mut seen = HashMap::new();
    let mut sum = 0u64;
    loop {
        sum = sum.wrapping_add(descend(30, &mut seen));
        std::hint::black_box(sum);
    }
}
