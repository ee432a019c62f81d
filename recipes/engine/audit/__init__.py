"""`seimai audit`: every verifier against its goldens, and every wording against its faults and its reviewers."""
