// MiniTwit
