"""Work that takes its time: shown while it runs, remembered when it has ended."""
