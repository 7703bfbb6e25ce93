//! Places to receive into.

use std::alloc::{Layout, alloc_zeroed};
use std::iter;

/// `size` bytes to receive into; fewer, but more than `least`, where the system
/// refuses so many. Pages that nothing is received into are never touched.
#[cold]
pub(crate) fn room(size: usize, least: usize) -> Option<Vec<u8>> {
    // `vec!` ends the process when it is refused.
    iter::successors(Some(size), |size| Some(size / 2))
        .take_while(|size| *size > least)
        .find_map(zeroed)
}

/// Of so little libc has some at hand that was freed, but `calloc` makes it anew.
const SMALL: usize = 1 << 10;

fn zeroed(size: usize) -> Option<Vec<u8>> {
    if size <= SMALL {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).ok().filter(|()| size > 0)?;
        bytes.resize(size, 0);
        return Some(bytes);
    }
    let layout = Layout::array::<u8>(size).ok().filter(|layout| layout.size() > 0)?;
    // SAFETY: the layout has a size.
    let bytes = unsafe { alloc_zeroed(layout) };
    // SAFETY: the global allocator gave these bytes with this layout, and all of
    // them are set.
    (!bytes.is_null()).then(|| unsafe { Vec::from_raw_parts(bytes, size, size) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_smaller() {
        assert_eq!(room(5000, 4999), Some(vec![0; 5000]));
        assert_eq!(room(5000, 5000), None);
        assert_eq!(room(0, 0), None);
        let all = isize::MAX.unsigned_abs();
        assert_eq!(room(usize::MAX, all / 2), None);
    }
}
