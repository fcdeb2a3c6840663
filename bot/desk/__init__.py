"""What people, pages and programs ask for, done."""
