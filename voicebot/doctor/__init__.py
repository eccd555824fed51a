"""`voicebot doctor`: is this machine fit to answer patients, and what is to be done where it is not."""
