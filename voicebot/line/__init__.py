"""The SIP process: endpoint, call legs, audio port, transfer, admission. Moves bytes and runs orders; decides nothing."""
